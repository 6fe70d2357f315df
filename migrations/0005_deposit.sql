-- Deposits: payees and their terminals, batches of payments and what became of them, the cover of double spends.
--
-- A batch is stored once with everything that its receipt will rest on, then moves from 'stored' to 'done' in the
-- transaction that posts it to the ledger, and never changes again.

-- Payees and terminals. The operator enrols them through the functions below; the service only reads.
CREATE TABLE deposit.payee (
  payee_id        bytea   PRIMARY KEY CHECK (octet_length(payee_id) = 16),
  name            text    NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 255),
  -- What double spends the issuer bears for this payee in 30 days (docs/protocol.md section 9), minor units.
  cover           bigint  NOT NULL CHECK (cover >= 0),
  cover_currency  text    NOT NULL CHECK (cover_currency ~ '^[A-Z]{3}$'),
  contract        bytea,
  enrolled_at     timestamptz NOT NULL DEFAULT now(),
  closed_at       timestamptz
);

CREATE TABLE deposit.terminal (
  payee_id     bytea NOT NULL REFERENCES deposit.payee,
  terminal_id  bytea NOT NULL CHECK (octet_length(terminal_id) = 16),
  key          bytea NOT NULL CHECK (octet_length(key) = 65),
  -- The chain of the key up to the issuer's master key: frame "cafe/v1/terminal-credential".
  credential   bytea NOT NULL,
  enrolled_at  timestamptz NOT NULL DEFAULT now(),
  revoked_at   timestamptz,
  PRIMARY KEY (payee_id, terminal_id)
);

CREATE TABLE deposit.batch (
  batch            bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payee_id         bytea   NOT NULL,
  terminal_id      bytea   NOT NULL,  -- which signed the order
  idempotency_key  bytea   NOT NULL CHECK (octet_length(idempotency_key) = 16),
  order_digest     bytea   NOT NULL CHECK (octet_length(order_digest) = 32),
  signed_order     bytea   NOT NULL,
  -- u32 length ‖ bytes of each payment: the archive, and what the order's payments digest is taken over.
  payments         bytea   NOT NULL,
  payment_count    integer NOT NULL CHECK (payment_count BETWEEN 1 AND 1000),
  -- u32 length ‖ reason of each payment: why the checks refused it, empty where they did not.
  refusals         bytea   NOT NULL,
  received_ms      bigint  NOT NULL CHECK (received_ms > 0),
  state            text    NOT NULL DEFAULT 'stored' CHECK (state IN ('stored', 'done')),
  -- The answer as it was given, so that it is given again byte for byte.
  receipt          bytea,
  key_certificate  bytea,
  evidence         bytea,
  UNIQUE (payee_id, idempotency_key),
  FOREIGN KEY (payee_id, terminal_id) REFERENCES deposit.terminal,
  CHECK ((state = 'done') = (receipt IS NOT NULL)),
  CHECK ((receipt IS NULL) = (key_certificate IS NULL) AND (receipt IS NULL) = (evidence IS NULL))
);
-- Group elements do not compress, and are read whole or by a part: out of line, as they are.
ALTER TABLE deposit.batch ALTER COLUMN payments SET STORAGE EXTERNAL;
-- What the sweeper looks for.
CREATE INDEX batch_stored ON deposit.batch (batch) WHERE state = 'stored';

-- A payee's first payment of a slot that another payment held already: what the payee was credited for it under its
-- cover, or 0. There is one for each slot and payee, so that a second one is never credited.
CREATE TABLE deposit.spent_before (
  coin_id      bytea   NOT NULL CHECK (octet_length(coin_id) = 32),
  slot         integer NOT NULL CHECK (slot >= 0),
  payee_id     bytea   NOT NULL REFERENCES deposit.payee,
  batch        bigint  NOT NULL REFERENCES deposit.batch,
  position     integer NOT NULL CHECK (position >= 0),  -- payment · 128 + spend
  case_number  bigint  NOT NULL CHECK (case_number > 0),
  value        bigint  NOT NULL CHECK (value > 0),
  credited     bigint  NOT NULL CHECK (credited IN (0, value)),
  currency     text    NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  received_ms  bigint  NOT NULL,
  PRIMARY KEY (coin_id, slot, payee_id)
);
CREATE INDEX spent_before_cover ON deposit.spent_before (payee_id, received_ms) INCLUDE (credited, currency)
  WHERE credited > 0;

-- Payments that were authorized on line, by the SHA-256 of the payment.
CREATE TABLE deposit.granted_authorization (
  payment_digest     bytea  PRIMARY KEY CHECK (octet_length(payment_digest) = 32),
  payee_id           bytea  NOT NULL REFERENCES deposit.payee,
  terms_digest       bytea  NOT NULL CHECK (octet_length(terms_digest) = 32),
  granted_ms         bigint NOT NULL,
  reserved_until_ms  bigint NOT NULL
);

-- The issuer's signed lists as they were fetched, so that deposits go on while withdrawal is down. A list of another
-- number never replaces one; two lists of one number are evidence and do not fit in here.
CREATE TABLE deposit.denomination_list (
  issuer_id   text    NOT NULL,
  number      bigint  NOT NULL CHECK (number > 0),
  document    bytea   NOT NULL,
  fetched_ms  bigint  NOT NULL,
  PRIMARY KEY (issuer_id, number)
);

-- Denominations of which more was deposited than issued: their key is compromised.
CREATE TABLE deposit.denomination_stop (
  denom_id         bytea  PRIMARY KEY CHECK (octet_length(denom_id) = 32),
  issuer_id        text   NOT NULL,
  batch            bigint NOT NULL REFERENCES deposit.batch,  -- whose posting would have overdrawn it
  reason           text   NOT NULL,
  stopped_ms       bigint NOT NULL,
  acknowledged_ms  bigint  -- when withdrawal confirmed that it stopped it too
);

-- What the service may do: add, finish a batch, note an acknowledgement. It never deletes, and never enrols.
REVOKE INSERT, UPDATE, DELETE ON deposit.payee, deposit.terminal FROM cafe_deposit;
REVOKE UPDATE, DELETE ON deposit.batch, deposit.spent_before, deposit.granted_authorization, deposit.denomination_list,
  deposit.denomination_stop FROM cafe_deposit;
GRANT UPDATE (state, receipt, key_certificate, evidence) ON deposit.batch TO cafe_deposit;
GRANT UPDATE (granted_ms, reserved_until_ms) ON deposit.granted_authorization TO cafe_deposit;
GRANT UPDATE (acknowledged_ms) ON deposit.denomination_stop TO cafe_deposit;

-- What is done stays as it is.
CREATE FUNCTION deposit.refuse_reopening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'BATCH_DONE: a batch that has its receipt never changes' USING ERRCODE = 'CF001';
END
$$;
CREATE TRIGGER done_stays_done BEFORE UPDATE ON deposit.batch
  FOR EACH ROW WHEN (OLD.state = 'done') EXECUTE FUNCTION deposit.refuse_reopening();

-- A payee's cover, under a lock that makes whoever counts against it wait for each other. Batches of the payee can be
-- stored meanwhile: a foreign key's lock does not meet this one.
CREATE FUNCTION deposit.lock_cover(p_payee_id bytea) RETURNS TABLE (cover bigint, cover_currency text)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.cover, p.cover_currency FROM deposit.payee p WHERE p.payee_id = p_payee_id FOR NO KEY UPDATE
$$;

-- The operator's functions ------------------------------------------------------------------------------------------

-- Enrols a payee. True when it is new; the same again changes nothing; other data for the same id is an error.
CREATE FUNCTION deposit.enrol_payee(p_payee_id bytea, p_name text, p_cover bigint, p_cover_currency text,
                                    p_contract bytea DEFAULT NULL) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO deposit.payee (payee_id, name, cover, cover_currency, contract)
  VALUES (p_payee_id, p_name, p_cover, p_cover_currency, p_contract) ON CONFLICT (payee_id) DO NOTHING;
  IF FOUND THEN
    RETURN true;
  END IF;
  IF NOT EXISTS (SELECT FROM deposit.payee p
                 WHERE p.payee_id = p_payee_id AND p.name = p_name AND p.cover = p_cover
                   AND p.cover_currency = p_cover_currency AND p.contract IS NOT DISTINCT FROM p_contract) THEN
    RAISE EXCEPTION 'PAYEE_EXISTS: a payee of this id is enrolled with another name, cover or contract'
      USING ERRCODE = 'CF002';
  END IF;
  RETURN false;
END
$$;

-- Changes what a payee's contract covers in 30 days.
CREATE FUNCTION deposit.set_cover(p_payee_id bytea, p_cover bigint, p_cover_currency text, p_contract bytea DEFAULT NULL)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE deposit.payee p
  SET cover = p_cover, cover_currency = p_cover_currency, contract = coalesce(p_contract, p.contract)
  WHERE p.payee_id = p_payee_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'UNKNOWN_PAYEE: enrol the payee first' USING ERRCODE = 'CF004';
  END IF;
END
$$;

-- Closes a payee: no new batch and no authorization of it is taken. What is stored is finished all the same.
CREATE FUNCTION deposit.close_payee(p_payee_id bytea) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE deposit.payee p SET closed_at = coalesce(p.closed_at, now()) WHERE p.payee_id = p_payee_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'UNKNOWN_PAYEE: enrol the payee first' USING ERRCODE = 'CF004';
  END IF;
END
$$;

-- Enrols a terminal of a payee with the credential that certifies its key. True when it is new.
CREATE FUNCTION deposit.enrol_terminal(p_payee_id bytea, p_terminal_id bytea, p_key bytea, p_credential bytea)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM deposit.payee p WHERE p.payee_id = p_payee_id) THEN
    RAISE EXCEPTION 'UNKNOWN_PAYEE: enrol the payee first' USING ERRCODE = 'CF004';
  END IF;
  INSERT INTO deposit.terminal (payee_id, terminal_id, key, credential)
  VALUES (p_payee_id, p_terminal_id, p_key, p_credential) ON CONFLICT (payee_id, terminal_id) DO NOTHING;
  IF FOUND THEN
    RETURN true;
  END IF;
  -- Its old payments are checked with its old key, so that a terminal keeps its key; a new key is a new terminal.
  IF NOT EXISTS (SELECT FROM deposit.terminal t
                 WHERE t.payee_id = p_payee_id AND t.terminal_id = p_terminal_id AND t.key = p_key) THEN
    RAISE EXCEPTION 'TERMINAL_EXISTS: a terminal of this id is enrolled with another key; give the new one its own id'
      USING ERRCODE = 'CF002';
  END IF;
  UPDATE deposit.terminal t SET credential = p_credential  -- the same key, certified for longer
  WHERE t.payee_id = p_payee_id AND t.terminal_id = p_terminal_id AND t.credential <> p_credential;
  RETURN false;
END
$$;

-- Revokes a terminal's key (lost, stolen, replaced): terms and orders that it signs from now on count for nothing.
CREATE FUNCTION deposit.revoke_terminal(p_payee_id bytea, p_terminal_id bytea) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE deposit.terminal t SET revoked_at = coalesce(t.revoked_at, now())
  WHERE t.payee_id = p_payee_id AND t.terminal_id = p_terminal_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'UNKNOWN_TERMINAL: this payee has no such terminal' USING ERRCODE = 'CF004';
  END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION deposit.enrol_payee(bytea, text, bigint, text, bytea),
  deposit.set_cover(bytea, bigint, text, bytea), deposit.close_payee(bytea),
  deposit.enrol_terminal(bytea, bytea, bytea, bytea), deposit.revoke_terminal(bytea, bytea) FROM cafe_deposit;
GRANT EXECUTE ON FUNCTION deposit.enrol_payee(bytea, text, bigint, text, bytea),
  deposit.set_cover(bytea, bigint, text, bytea), deposit.close_payee(bytea),
  deposit.enrol_terminal(bytea, bytea, bytea, bytea), deposit.revoke_terminal(bytea, bytea) TO cafe_operator;
