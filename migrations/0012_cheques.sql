-- Cheques, ticks, and account holders who pay money back: what deposit and the coin store keep of them.

-- Overdrawn cheques --------------------------------------------------------------------------------------------------

-- More was deposited by cheques of an issuer than its guardians were loaded with: somewhere a guardian is broken. The
-- payees are paid all the same; `amount` is what the issuer bore in this batch, posted from `loss`.
CREATE TABLE deposit.cheque_alarm (
  batch      bigint NOT NULL REFERENCES deposit.batch,
  currency   text   NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  issuer_id  text   NOT NULL CHECK (octet_length(issuer_id) BETWEEN 1 AND 128),
  amount     bigint NOT NULL CHECK (amount > 0),  -- minor units
  raised_ms  bigint NOT NULL CHECK (raised_ms > 0),
  PRIMARY KEY (batch, currency, issuer_id)
);
REVOKE UPDATE, DELETE ON deposit.cheque_alarm FROM cafe_deposit;

-- Holders as payees --------------------------------------------------------------------------------------------------

-- Who pays money back into her own account is credited there. Deposit still cannot take anything from a customer.
INSERT INTO ledger.permission (role, kind, debit, credit) VALUES ('cafe_deposit', 'customer', false, true);

-- The first 16 bytes of digest(label, account id): libs/protocol/holder.h.
CREATE FUNCTION deposit.holder_id(p_label bytea, p_account_id bytea) RETURNS bytea
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN substr(sha256(int4send(octet_length(p_label)) || p_label || int4send(octet_length(p_account_id))
                       || p_account_id), 1, 16);

-- A payee that is an account holder. Her id follows from her account, so nobody can be enrolled in her place, and she
-- has one only.
ALTER TABLE deposit.payee
  ADD COLUMN account_id bytea CHECK (octet_length(account_id) = 32),
  ADD CONSTRAINT payee_account_once UNIQUE (account_id),
  ADD CONSTRAINT holder_has_her_id
    CHECK (account_id IS NULL OR payee_id = deposit.holder_id('cafe/v1/holder-payee'::bytea, account_id));

-- Enrols the holder of an account as a payee without cover (its currency says nothing), with one terminal: her account
-- key, and the credential that certifies it, which the service has verified. True when she is new; the same again changes
-- nothing.
CREATE FUNCTION deposit.enrol_holder(p_account_id bytea, p_key bytea, p_credential bytea) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  payee     CONSTANT bytea := deposit.holder_id('cafe/v1/holder-payee'::bytea, p_account_id);
  terminal  CONSTANT bytea := deposit.holder_id('cafe/v1/holder-terminal'::bytea, p_account_id);
  is_new    boolean;
BEGIN
  INSERT INTO deposit.payee (payee_id, name, cover, cover_currency, account_id)
  VALUES (payee, 'account holder', 0, 'EUR', p_account_id) ON CONFLICT (payee_id) DO NOTHING;
  is_new := FOUND;
  IF NOT is_new AND NOT EXISTS (SELECT FROM deposit.payee p WHERE p.payee_id = payee AND p.account_id = p_account_id)
  THEN
    RAISE EXCEPTION 'PAYEE_EXISTS: a payee that holds no account is enrolled under the holder''s id'
      USING ERRCODE = 'CF002';
  END IF;
  INSERT INTO deposit.terminal (payee_id, terminal_id, key, credential)
  VALUES (payee, terminal, p_key, p_credential) ON CONFLICT (payee_id, terminal_id) DO NOTHING;
  IF NOT FOUND AND NOT EXISTS (SELECT FROM deposit.terminal t
                               WHERE t.payee_id = payee AND t.terminal_id = terminal AND t.key = p_key) THEN
    RAISE EXCEPTION 'TERMINAL_EXISTS: the holder is enrolled with another account key' USING ERRCODE = 'CF002';
  END IF;
  RETURN is_new;
END
$$;

-- Ticks --------------------------------------------------------------------------------------------------------------

-- How far the ticks of one spend were shown. A spend that pays ticks may be deposited again and again with more of
-- them; each row is a deposit that showed more than all before it: from ticks_before to ticks. The rows of a slot are
-- a chain, since no two start at the same tick: so what they earn together is exactly the highest tick, however many
-- deposits race, and a deposit that asks again finds its own row.
CREATE TABLE coinstore.tick (
  place         bigint   NOT NULL CHECK (place >= 0),  -- batch · 2^17 + position
  ticks_before  integer  NOT NULL CHECK (ticks_before >= 0),
  ticks         integer  NOT NULL CHECK (ticks > ticks_before),
  month         smallint NOT NULL,  -- as in coinstore.spent, and dropped with it
  slot          smallint NOT NULL CHECK (slot BETWEEN 0 AND 63),
  coin_id       bytea    NOT NULL CHECK (octet_length(coin_id) = 32),
  PRIMARY KEY (coin_id, slot, ticks_before, month)
) PARTITION BY LIST (month);
ALTER TABLE coinstore.tick ALTER COLUMN coin_id SET STORAGE EXTERNAL;
REVOKE UPDATE, DELETE ON coinstore.tick FROM cafe_doublespend;

-- The table of ticks that goes with a month of spent slots.
CREATE FUNCTION coinstore.tick_leaf(p_spent_leaf text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT RETURN 'tick_' || substr(p_spent_leaf, 7);

CREATE FUNCTION coinstore.create_tick_leaf(p_spent_leaf text, p_month smallint) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  leaf  CONSTANT text := coinstore.tick_leaf(p_spent_leaf);
BEGIN
  EXECUTE format('CREATE TABLE coinstore.%I (LIKE coinstore.tick INCLUDING CONSTRAINTS INCLUDING STORAGE '
                 'INCLUDING INDEXES)', leaf);
  EXECUTE format('REVOKE ALL ON coinstore.%I FROM cafe_doublespend', leaf);
  EXECUTE format('ALTER TABLE coinstore.tick ATTACH PARTITION coinstore.%I FOR VALUES IN (%s)', leaf, p_month);
END
$$;
REVOKE EXECUTE ON FUNCTION coinstore.tick_leaf(text), coinstore.create_tick_leaf(text, smallint) FROM cafe_doublespend;

-- Makes a table that create_leaf made the partition of its month, and the month's table of ticks.
CREATE OR REPLACE FUNCTION coinstore.attach_leaf(p_table text, p_month smallint, p_entry coinstore.partition) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_table <> p_entry.name THEN
    EXECUTE format('ALTER TABLE coinstore.%I RENAME TO %I', p_table, p_entry.name);
    EXECUTE format('ALTER INDEX coinstore.%I RENAME TO %I', p_table || '_slot', p_entry.name || '_slot');
  END IF;
  EXECUTE format('ALTER TABLE coinstore.spent ATTACH PARTITION coinstore.%I FOR VALUES IN (%s)', p_entry.name, p_month);
  EXECUTE format('ALTER TABLE coinstore.%I DROP CONSTRAINT one_month', p_entry.name);
  PERFORM coinstore.create_tick_leaf(p_entry.name, p_month);
END
$$;

-- The months that are there already.
DO $$
BEGIN
  PERFORM coinstore.create_tick_leaf(p.name, coinstore.month_of(p.range_from))
  FROM coinstore.partition p WHERE p.dropped_at IS NULL;
END
$$;

-- Retention: drops every partition whose keep_until has passed at p_now_s and about which no case is open, and returns
-- what it dropped. Two clocks must agree before evidence goes: the caller's and the server's.
CREATE OR REPLACE FUNCTION coinstore.drop_expired(p_now_s bigint)
  RETURNS TABLE (dropped text, dropped_from bigint, dropped_until bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  entry coinstore.partition;
BEGIN
  IF p_now_s IS NULL OR p_now_s > extract(epoch FROM clock_timestamp()) + 300 THEN
    RAISE EXCEPTION 'CLOCK_AHEAD: the caller''s clock is ahead of the database''s; nothing was dropped'
      USING ERRCODE = 'CF003';
  END IF;
  PERFORM coinstore.lock_partitions();
  IF NOT EXISTS (SELECT FROM coinstore.partition p WHERE p.dropped_at IS NULL AND p.keep_until <= p_now_s) THEN
    RETURN;
  END IF;
  -- Waits for whoever is recording, so that their cases are seen below. In the order in which they lock.
  LOCK TABLE ONLY coinstore.spent, ONLY coinstore.tick IN ACCESS EXCLUSIVE MODE;
  FOR entry IN
    SELECT * FROM coinstore.partition p
    WHERE p.dropped_at IS NULL AND p.keep_until <= p_now_s
      AND NOT EXISTS (SELECT FROM coinstore.cases c
                      WHERE c.state = 'open' AND c.deposit_until >= p.range_from AND c.deposit_until < p.range_until)
    ORDER BY p.range_from
  LOOP
    EXECUTE format('DROP TABLE coinstore.%I', entry.name);
    EXECUTE format('DROP TABLE coinstore.%I', coinstore.tick_leaf(entry.name));
    DELETE FROM coinstore.double_spend s
      WHERE s.deposit_until >= entry.range_from AND s.deposit_until < entry.range_until;
    UPDATE coinstore.partition p SET dropped_at = now() WHERE p.name = entry.name;
    dropped := entry.name;
    dropped_from := entry.range_from;
    dropped_until := entry.range_until;
    RETURN NEXT;
  END LOOP;
END
$$;
