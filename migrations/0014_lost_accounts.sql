-- Accounts whose wallet is lost, their successors, and every certificate of a withdrawal key (section 8 of the protocol).
-- What is recorded here never changes: others rest on it, the claims of a lost wallet's money first of all.

-- Keys ----------------------------------------------------------------------------------------------------------------

-- Certificates of all keys that ever signed for this service: a statement outlives its key, and must be checked by then.
CREATE TABLE withdrawal.key_certificate (
  digest         bytea       GENERATED ALWAYS AS (sha256(document)) STORED PRIMARY KEY,
  document       bytea       NOT NULL,  -- the signed document
  registered_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO withdrawal.key_certificate (document) SELECT DISTINCT l.key_certificate FROM withdrawal.load l;

-- Losses --------------------------------------------------------------------------------------------------------------

-- What the operator did for a holder without her key, who was identified as at the opening of her account. For each
-- account there is at most one loss and one replacement.
CREATE TABLE withdrawal.operator_act (
  account_id     bytea       NOT NULL REFERENCES withdrawal.account,
  kind           text        NOT NULL CHECK (kind IN ('loss', 'replacement')),
  identified_by  text        NOT NULL CHECK (octet_length(identified_by) BETWEEN 1 AND 200),
  asked_by       text        NOT NULL,  -- whose certificate asked for it
  acted_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, kind)
);

-- A wallet that was reported lost: its account is closed, and nothing was ordered or loaded after these numbers.
CREATE TABLE withdrawal.loss (
  account_id   bytea       PRIMARY KEY REFERENCES withdrawal.account,
  report       bytea,                 -- signed with the account key; NULL: the operator's act
  last_order   bigint      NOT NULL,
  last_load    bigint      NOT NULL,
  statement    bytea       NOT NULL,  -- the signed loss-recorded
  signed_by    bytea       NOT NULL REFERENCES withdrawal.key_certificate,
  recorded_at  timestamptz NOT NULL DEFAULT now(),
  act          text        GENERATED ALWAYS AS (CASE WHEN report IS NULL THEN 'loss' END) STORED,
  CONSTRAINT loss_rests_on_something FOREIGN KEY (account_id, act) REFERENCES withdrawal.operator_act
);

-- The account that took a lost one's place.
CREATE TABLE withdrawal.replacement (
  -- Only what is lost is replaced, and once.
  lost         bytea       PRIMARY KEY REFERENCES withdrawal.loss,
  successor    bytea       NOT NULL REFERENCES withdrawal.account,
  request      bytea,                 -- signed with the lost account's key; NULL: the operator's act
  consent      bytea,                 -- the successor's signature over the request's frame; NULL: the same
  statement    bytea       NOT NULL,  -- the signed replaced
  signed_by    bytea       NOT NULL REFERENCES withdrawal.key_certificate,
  recorded_at  timestamptz NOT NULL DEFAULT now(),
  act          text        GENERATED ALWAYS AS (CASE WHEN request IS NULL THEN 'replacement' END) STORED,
  CONSTRAINT replaced_by_another CHECK (lost <> successor),
  -- What a claim of the lost account is charged, its successor pays: by key, both of them sign.
  CONSTRAINT replacement_agreed CHECK ((request IS NULL) = (consent IS NULL) AND octet_length(consent) = 64),
  CONSTRAINT replacement_rests_on_something FOREIGN KEY (lost, act) REFERENCES withdrawal.operator_act
);

-- What was moved from a replaced account to its successor, each with a posting of kind 'replacement' and reference
-- lost ‖ u64 number ‖ currency: what it held then, and what was credited to it later.
CREATE TABLE withdrawal.replacement_move (
  lost      bytea       NOT NULL REFERENCES withdrawal.replacement,
  currency  text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  number    bigint      NOT NULL CHECK (number >= 1),
  amount    bigint      NOT NULL CHECK (amount > 0),  -- minor units
  moved_at  timestamptz NOT NULL DEFAULT now(),
  previous  bigint      GENERATED ALWAYS AS (nullif(number - 1, 0)) STORED,
  PRIMARY KEY (lost, currency, number),
  CONSTRAINT replacement_move_follows FOREIGN KEY (lost, currency, previous)
    REFERENCES withdrawal.replacement_move (lost, currency, number)
);

-- A closed account stays closed, and for its reasons; one that is lost may still be convicted.
CREATE FUNCTION withdrawal.keep_closed() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'ACCOUNT_CLOSED: an account that is closed is never opened again, nor is the reason changed'
    USING ERRCODE = 'CF001';
END
$$;
CREATE TRIGGER keep_closed BEFORE UPDATE OF closed_at, closed_case ON withdrawal.account
  FOR EACH ROW
  WHEN ((OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at)
        OR (OLD.closed_case IS NOT NULL AND NEW.closed_case IS DISTINCT FROM OLD.closed_case))
  EXECUTE FUNCTION withdrawal.keep_closed();

-- A loss tells the truth: under the account's lock, which every order and load takes, it is closed, and stands where the
-- statement says. Together with withdrawal.check_slot and check_load that holds for ever.
CREATE FUNCTION withdrawal.check_loss() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM withdrawal.account a
  WHERE a.account_id = NEW.account_id AND a.closed_at IS NOT NULL AND a.last_order = NEW.last_order
    AND a.last_load = NEW.last_load
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'LOSS_MISSTATED: a lost account is closed, and its last order and load are the recorded ones'
      USING ERRCODE = 'CF001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER check_loss BEFORE INSERT ON withdrawal.loss
  FOR EACH ROW EXECUTE FUNCTION withdrawal.check_loss();

-- Whose account is open is not lost, and a lost one is never open again: so no chain of successors comes back to itself.
CREATE FUNCTION withdrawal.check_replacement() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM withdrawal.account a WHERE a.account_id IN (NEW.lost, NEW.successor)
  ORDER BY a.account_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM withdrawal.account a WHERE a.account_id = NEW.lost AND a.closed_case IS NOT NULL) THEN
    RAISE EXCEPTION 'ACCOUNT_CONVICTED: a case convicts the account; nothing takes its place' USING ERRCODE = 'CF001';
  END IF;
  IF EXISTS (SELECT FROM withdrawal.account a WHERE a.account_id = NEW.successor AND a.closed_at IS NOT NULL) THEN
    RAISE EXCEPTION 'SUCCESSOR_CLOSED: only an open account takes the place of a lost one' USING ERRCODE = 'CF001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER check_replacement BEFORE INSERT ON withdrawal.replacement
  FOR EACH ROW EXECUTE FUNCTION withdrawal.check_replacement();

CREATE FUNCTION withdrawal.refuse_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'RECORDED_FOR_GOOD: withdrawal.% is never changed', TG_TABLE_NAME USING ERRCODE = 'CF001';
END
$$;
DO $$
DECLARE
  recorded text;
BEGIN
  FOREACH recorded IN ARRAY ARRAY['key_certificate', 'operator_act', 'loss', 'replacement', 'replacement_move'] LOOP
    EXECUTE format('CREATE TRIGGER recorded_for_good BEFORE UPDATE OR DELETE OR TRUNCATE ON withdrawal.%I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION withdrawal.refuse_change()', recorded);
    EXECUTE format('REVOKE UPDATE, DELETE ON withdrawal.%I FROM cafe_withdrawal', recorded);
  END LOOP;
END
$$;

-- Money ---------------------------------------------------------------------------------------------------------------

-- What a customer holds, currency by currency, locked until the transaction ends: nobody takes from it meanwhile.
CREATE FUNCTION ledger.lock_customer(p_owner bytea) RETURNS TABLE (currency text, amount bigint)
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT held.currency, sum(held.amount)::bigint
  FROM (SELECT a.currency, b.amount
        FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
        WHERE a.kind = 'customer' AND a.owner = p_owner
        ORDER BY a.currency, b.shard FOR NO KEY UPDATE OF b) held
  GROUP BY held.currency HAVING sum(held.amount) > 0
$$;
GRANT EXECUTE ON FUNCTION ledger.lock_customer(bytea) TO cafe_withdrawal;

-- The withdrawal service credits customers for one thing only: a recorded move, from the lost account to its successor.
UPDATE ledger.permission SET credit = true WHERE role = 'cafe_withdrawal' AND kind = 'customer';
CREATE FUNCTION ledger.check_move() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM added e JOIN ledger.account a ON a.id = e.account_id
    WHERE e.amount > 0 AND a.kind = 'customer'
      AND NOT EXISTS (
        SELECT FROM added d JOIN ledger.account f ON f.id = d.account_id JOIN ledger.posting p ON p.id = d.posting_id
        JOIN withdrawal.replacement r ON r.lost = f.owner
        JOIN withdrawal.replacement_move m ON m.lost = r.lost AND m.currency = a.currency AND m.amount = e.amount
        WHERE d.posting_id = e.posting_id AND d.amount = -e.amount AND f.kind = 'customer' AND r.successor = a.owner
          AND p.kind = 'replacement'
          AND p.reference = m.lost || int8send(m.number) || convert_to(m.currency, 'UTF8'))) THEN
    PERFORM ledger.fail('CF006', 'POSTING_FORBIDDEN: withdrawal credits a customer with what a lost account held, which '
                                 'it is the recorded successor of, and with nothing else');
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER moves_only AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT WHEN (session_user = 'cafe_withdrawal') EXECUTE FUNCTION ledger.check_move();

-- Replaced accounts after p_after, in order, that something was credited to and no case convicts: at most p_limit.
CREATE FUNCTION withdrawal.replaced_with_funds(p_after bytea, p_limit integer) RETURNS TABLE (lost bytea)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.lost
  FROM withdrawal.replacement r JOIN withdrawal.account l ON l.account_id = r.lost
  WHERE r.lost > p_after AND l.closed_case IS NULL
    AND EXISTS (SELECT FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
                WHERE a.kind = 'customer' AND a.owner = r.lost AND b.amount > 0)
  ORDER BY r.lost LIMIT p_limit
$$;

-- What the service does -----------------------------------------------------------------------------------------------

-- Locks an account until the transaction ends, then tells where it stands. No row: there is no such account. What is read
-- after the lock was waited for sees what those who held it have committed.
CREATE FUNCTION withdrawal.lock_loss(p_account_id bytea)
  RETURNS TABLE (last_order bigint, last_load bigint, statement bytea, key_certificate bytea)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT a.last_order, a.last_load INTO last_order, last_load
  FROM withdrawal.account a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT l.statement, c.document INTO statement, key_certificate
  FROM withdrawal.loss l JOIN withdrawal.key_certificate c ON c.digest = l.signed_by WHERE l.account_id = p_account_id;
  RETURN NEXT;
END
$$;

-- Closes a locked account as lost. Where p_report is null, p_identified_by and p_asked_by tell of the operator's act.
CREATE FUNCTION withdrawal.record_loss(p_account_id bytea, p_report bytea, p_last_order bigint, p_last_load bigint,
                                       p_statement bytea, p_key_certificate bytea, p_identified_by text,
                                       p_asked_by text) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE withdrawal.account a SET closed_at = now() WHERE a.account_id = p_account_id AND a.closed_at IS NULL;
  IF p_report IS NULL THEN
    INSERT INTO withdrawal.operator_act (account_id, kind, identified_by, asked_by)
    VALUES (p_account_id, 'loss', p_identified_by, p_asked_by);
  END IF;
  INSERT INTO withdrawal.loss (account_id, report, last_order, last_load, statement, signed_by)
  VALUES (p_account_id, p_report, p_last_order, p_last_load, p_statement, sha256(p_key_certificate));
END
$$;

-- Locks two accounts in ascending order, then tells what decides whether one takes the other's place. No row: one of them
-- does not exist.
CREATE FUNCTION withdrawal.lock_replacement(p_lost bytea, p_successor bytea)
  RETURNS TABLE (lost boolean, convicted boolean, successor_closed boolean, successor bytea, statement bytea,
                 key_certificate bytea)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM withdrawal.account a WHERE a.account_id IN (p_lost, p_successor)
  ORDER BY a.account_id FOR NO KEY UPDATE;
  RETURN QUERY
    SELECT l.account_id IS NOT NULL, a.closed_case IS NOT NULL, s.closed_at IS NOT NULL, r.successor, r.statement,
           c.document
    FROM withdrawal.account a JOIN withdrawal.account s ON s.account_id = p_successor
    LEFT JOIN withdrawal.loss l ON l.account_id = a.account_id
    LEFT JOIN withdrawal.replacement r ON r.lost = a.account_id
    LEFT JOIN withdrawal.key_certificate c ON c.digest = r.signed_by
    WHERE a.account_id = p_lost;
END
$$;

-- Records the successor of a locked, lost account. Where p_request is null, so is p_consent, and the last two tell of the
-- operator's act.
CREATE FUNCTION withdrawal.record_replacement(p_lost bytea, p_successor bytea, p_request bytea, p_consent bytea,
                                              p_statement bytea, p_key_certificate bytea, p_identified_by text,
                                              p_asked_by text)
  RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_request IS NULL THEN
    INSERT INTO withdrawal.operator_act (account_id, kind, identified_by, asked_by)
    VALUES (p_lost, 'replacement', p_identified_by, p_asked_by);
  END IF;
  INSERT INTO withdrawal.replacement (lost, successor, request, consent, statement, signed_by)
  VALUES (p_lost, p_successor, p_request, p_consent, p_statement, sha256(p_key_certificate));
END
$$;

-- Locks a replaced account, then records that all it holds is moved to its successor: the caller posts what is returned,
-- in the same transaction. Nothing where it holds nothing or a case convicts it.
CREATE FUNCTION withdrawal.record_moves(p_lost bytea)
  RETURNS TABLE (successor bytea, currency text, number bigint, amount bigint)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM withdrawal.account a WHERE a.account_id = p_lost AND a.closed_case IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY
    WITH moved AS (
      INSERT INTO withdrawal.replacement_move AS n (lost, currency, number, amount)
      SELECT p_lost, held.currency,
             1 + coalesce((SELECT max(m.number) FROM withdrawal.replacement_move m
                           WHERE m.lost = p_lost AND m.currency = held.currency), 0),
             held.amount
      FROM ledger.lock_customer(p_lost) held
      RETURNING n.currency, n.number, n.amount)
    SELECT r.successor, moved.currency, moved.number, moved.amount
    FROM moved JOIN withdrawal.replacement r ON r.lost = p_lost ORDER BY moved.currency;
END
$$;
