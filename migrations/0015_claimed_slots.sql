-- What the coin store and deposit keep for claims (section 8 of the protocol): claimed slots, and terms that their payee
-- refused.

-- Claimed slots --------------------------------------------------------------------------------------------------------

-- Slots that their owner gives up, since she claims their value. A row for each, never changed; no two claims have one
-- slot. It lies in the month of its coin's spends and goes with them.
CREATE TABLE coinstore.claimed (
  claim    bigint   NOT NULL CHECK (claim > 0),  -- its number in the recovery service
  month    smallint NOT NULL,                    -- as in coinstore.spent, and dropped with it
  slot     smallint NOT NULL CHECK (slot BETWEEN 0 AND 63),
  coin_id  bytea    NOT NULL CHECK (octet_length(coin_id) = 32),
  PRIMARY KEY (coin_id, slot, month)
) PARTITION BY LIST (month);
ALTER TABLE coinstore.claimed ALTER COLUMN coin_id SET STORAGE EXTERNAL;
REVOKE UPDATE, DELETE ON coinstore.claimed FROM cafe_doublespend;

-- The table of claimed slots that goes with a month of spent slots.
CREATE FUNCTION coinstore.claimed_leaf(p_spent_leaf text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT RETURN 'claimed_' || substr(p_spent_leaf, 7);

CREATE FUNCTION coinstore.create_claimed_leaf(p_spent_leaf text, p_month smallint) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  leaf  CONSTANT text := coinstore.claimed_leaf(p_spent_leaf);
BEGIN
  EXECUTE format('CREATE TABLE coinstore.%I (LIKE coinstore.claimed INCLUDING CONSTRAINTS INCLUDING STORAGE '
                 'INCLUDING INDEXES)', leaf);
  EXECUTE format('REVOKE ALL ON coinstore.%I FROM cafe_doublespend', leaf);
  EXECUTE format('ALTER TABLE coinstore.claimed ATTACH PARTITION coinstore.%I FOR VALUES IN (%s)', leaf, p_month);
END
$$;
REVOKE EXECUTE ON FUNCTION coinstore.claimed_leaf(text), coinstore.create_claimed_leaf(text, smallint)
  FROM cafe_doublespend;

-- Makes a table that create_leaf made the partition of its month, and the month's tables of ticks and of claimed slots.
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
  PERFORM coinstore.create_claimed_leaf(p_entry.name, p_month);
END
$$;

-- The months that are there already.
DO $$
BEGIN
  PERFORM coinstore.create_claimed_leaf(p.name, coinstore.month_of(p.range_from))
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
  LOCK TABLE ONLY coinstore.spent, ONLY coinstore.tick, ONLY coinstore.claimed IN ACCESS EXCLUSIVE MODE;
  FOR entry IN
    SELECT * FROM coinstore.partition p
    WHERE p.dropped_at IS NULL AND p.keep_until <= p_now_s
      AND NOT EXISTS (SELECT FROM coinstore.cases c
                      WHERE c.state = 'open' AND c.deposit_until >= p.range_from AND c.deposit_until < p.range_until)
    ORDER BY p.range_from
  LOOP
    EXECUTE format('DROP TABLE coinstore.%I', entry.name);
    EXECUTE format('DROP TABLE coinstore.%I', coinstore.tick_leaf(entry.name));
    EXECUTE format('DROP TABLE coinstore.%I', coinstore.claimed_leaf(entry.name));
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

-- Voided terms ---------------------------------------------------------------------------------------------------------

-- Terms that their payee's terminal refused, signed: no payment of them is taken any more. A digest alone would not do: a
-- refusal voids its own terminal's terms only, whatever digest it names. The refusal and the credential of the key that
-- signed it stay as they came: they are what the answer to the payee rests on.
CREATE TABLE deposit.voided_terms (
  terms_digest  bytea  NOT NULL CHECK (octet_length(terms_digest) = 32),
  payee_id      bytea  NOT NULL CHECK (octet_length(payee_id) = 16),
  terminal_id   bytea  NOT NULL CHECK (octet_length(terminal_id) = 16),
  refusal       bytea  NOT NULL,
  credential    bytea  NOT NULL,
  voided_ms     bigint NOT NULL CHECK (voided_ms > 0),
  PRIMARY KEY (terms_digest, payee_id, terminal_id)
);
REVOKE UPDATE, DELETE ON deposit.voided_terms FROM cafe_deposit;
