-- Loads of guardians' counters, and blank cheques (sections 4 and 5 of the protocol). Both hang on the account's lock, as
-- orders do, and every statement names the account id.

-- Loads ---------------------------------------------------------------------------------------------------------------

-- Heads the sequence of loads as last_order heads the chain of orders.
ALTER TABLE withdrawal.account ADD COLUMN last_load bigint NOT NULL DEFAULT 0 CHECK (last_load >= 0);
GRANT UPDATE (last_load) ON withdrawal.account TO cafe_withdrawal;

-- A load of the account's guardian: what its holder ordered and what she was answered, for ever.
CREATE TABLE withdrawal.load (
  account_id         bytea       NOT NULL REFERENCES withdrawal.account,
  sequence           bigint      NOT NULL CHECK (sequence >= 1),
  order_digest       bytea       NOT NULL CHECK (octet_length(order_digest) = 32),  -- of the signed order's frame
  currency           text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount             bigint      NOT NULL CONSTRAINT load_of_more_than_nothing CHECK (amount > 0),  -- minor units
  signed_order       bytea       NOT NULL,
  loaded             bytea       NOT NULL,  -- the signed answer, which holds the load itself
  key_certificate    bytea       NOT NULL,  -- of the key that signed it
  loaded_at          timestamptz NOT NULL DEFAULT now(),
  previous_sequence  bigint      GENERATED ALWAYS AS (nullif(sequence - 1, 0)) STORED,
  -- [guard] A sequence is loaded once; a guardian takes each once, so a second answer to it would be money lost or made.
  PRIMARY KEY (account_id, sequence),
  -- [guard] Each is one more than the last: a guardian takes no load behind a gap.
  CONSTRAINT load_follows FOREIGN KEY (account_id, previous_sequence) REFERENCES withdrawal.load (account_id, sequence)
);

-- A closed account loads nothing. Takes the account's lock, which the service holds already.
CREATE FUNCTION withdrawal.check_load() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM withdrawal.account a WHERE a.account_id = NEW.account_id AND a.closed_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'ACCOUNT_CLOSED: the account is closed; nothing is loaded from it any more' USING ERRCODE = 'CF001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER check_load BEFORE INSERT ON withdrawal.load
  FOR EACH ROW EXECUTE FUNCTION withdrawal.check_load();

-- Locks an account until the transaction ends, then tells what decides about its load p_sequence in p_currency, of which it
-- holds `balance`. No row: there is no such account. What is read after the lock was waited for sees what those who held it have committed: each statement of a
-- volatile function has a snapshot of its own.
CREATE FUNCTION withdrawal.lock_load(p_account_id bytea, p_sequence bigint, p_currency text)
  RETURNS TABLE (last_load bigint, closed boolean, order_digest bytea, loaded bytea, balance bigint)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT a.last_load, a.closed_at IS NOT NULL INTO last_load, closed
  FROM withdrawal.account a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT l.order_digest, l.loaded INTO order_digest, loaded
  FROM withdrawal.load l WHERE l.account_id = p_account_id AND l.sequence = p_sequence;
  balance := ledger.balance_of('customer', p_account_id, p_currency);
  RETURN NEXT;
END
$$;

-- Records a load and moves the head of the account's sequence from p_sequence - 1 to p_sequence. False when it is not at
-- p_sequence - 1.
CREATE FUNCTION withdrawal.record_load(p_account_id bytea, p_sequence bigint, p_order_digest bytea, p_currency text,
                                       p_amount bigint, p_signed_order bytea, p_loaded bytea,
                                       p_key_certificate bytea) RETURNS boolean
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO withdrawal.load (account_id, sequence, order_digest, currency, amount, signed_order, loaded,
                               key_certificate)
  VALUES (p_account_id, p_sequence, p_order_digest, p_currency, p_amount, p_signed_order, p_loaded, p_key_certificate);
  UPDATE withdrawal.account a SET last_load = p_sequence
  WHERE a.account_id = p_account_id AND a.last_load = p_sequence - 1;
  RETURN FOUND;
END
$$;

-- Blank cheques -------------------------------------------------------------------------------------------------------

-- A line of cheques costs nothing when it is issued: what it is written out for comes from the guardian's counter.
ALTER TABLE withdrawal.issued DROP CONSTRAINT issued_value_check;
ALTER TABLE withdrawal.issued ADD CONSTRAINT issued_value_not_negative CHECK (value >= 0);

-- What the blank cheques of a line can be written out for, and until when they may be deposited: a broken guardian would
-- overdraw that much at the most, so the sum that an account holds is capped.
CREATE TABLE withdrawal.blank_cheque (
  account_id     bytea  NOT NULL,
  n              bigint NOT NULL,
  denom_id       bytea  NOT NULL,
  currency       text   NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  worth          bigint NOT NULL CHECK (worth > 0),           -- all of the line's, minor units
  deposit_until  bigint NOT NULL CHECK (deposit_until > 0),   -- unix seconds
  PRIMARY KEY (account_id, n, denom_id),
  FOREIGN KEY (account_id, n, denom_id) REFERENCES withdrawal.issued
);

-- Who may do what -----------------------------------------------------------------------------------------------------

-- What is recorded is never changed.
REVOKE UPDATE, DELETE ON withdrawal.load, withdrawal.blank_cheque FROM cafe_withdrawal;
