-- The withdrawal service: lists of denominations, accounts, orders. What must never happen is a constraint here, so that
-- it cannot happen whatever the service does; the section numbers are those of the protocol.
--
-- Every statement on the way of an order names the account id, so that account, order_slot, completed_order and issued
-- can be distributed by it. Registration is rare and may ask everywhere: its uniqueness holds over all accounts.

-- Denominations (section 2) -----------------------------------------------------------------------------------------

-- The signed lists, each one more than the last.
CREATE TABLE withdrawal.denomination_list (
  number        bigint      PRIMARY KEY CHECK (number BETWEEN 1 AND 4294967295),
  digest        bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),  -- of the list's frame
  document      bytea       NOT NULL,                                           -- the signed document
  published_at  timestamptz NOT NULL DEFAULT now()
);

-- [guard] A key H stands in one denomination only, ever, those of lists long past included.
CREATE TABLE withdrawal.denomination (
  denom_id    bytea  PRIMARY KEY CHECK (octet_length(denom_id) = 32),
  h           bytea  NOT NULL CHECK (octet_length(h) = 65),
  first_list  bigint NOT NULL REFERENCES withdrawal.denomination_list,
  CONSTRAINT denomination_key_once UNIQUE (h)
);

-- Denominations that were stopped between two lists: compromised keys.
CREATE TABLE withdrawal.denomination_stop (
  denom_id    bytea       PRIMARY KEY REFERENCES withdrawal.denomination,
  reason      text        NOT NULL,
  stopped_by  text        NOT NULL,
  stopped_at  timestamptz NOT NULL DEFAULT now()
);

-- Publishes a list that the operator's tool has checked; the service checks it again under the master key before it uses
-- it. `p_denominations` is denom_id ‖ H, 97 bytes each, of all its denominations. The same list again changes nothing.
CREATE FUNCTION withdrawal.publish_list(p_number bigint, p_digest bytea, p_document bytea, p_denominations bytea)
  RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  last_number bigint;
  offender text;
BEGIN
  LOCK TABLE withdrawal.denomination_list IN SHARE ROW EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM withdrawal.denomination_list l
             WHERE l.number = p_number AND l.digest = p_digest AND l.document = p_document) THEN
    RETURN;
  END IF;
  SELECT coalesce(max(l.number), 0) INTO last_number FROM withdrawal.denomination_list l;
  IF p_number IS DISTINCT FROM last_number + 1 THEN
    RAISE EXCEPTION 'LIST_NUMBER: the next list has number %; two lists of one number are evidence against the issuer',
      last_number + 1 USING ERRCODE = 'CF001';
  END IF;
  IF octet_length(p_denominations) % 97 <> 0 THEN
    RAISE EXCEPTION 'BAD_LIST: denominations are passed as denom_id and H, 97 bytes each' USING ERRCODE = 'CF003';
  END IF;
  INSERT INTO withdrawal.denomination_list (number, digest, document) VALUES (p_number, p_digest, p_document);
  INSERT INTO withdrawal.denomination (denom_id, h, first_list)
  SELECT substr(p_denominations, i * 97 + 1, 32), substr(p_denominations, i * 97 + 33, 65), p_number
  FROM generate_series(0, octet_length(p_denominations) / 97 - 1) AS i
  ON CONFLICT DO NOTHING;
  -- What was there before must be the same pair, not the same id or the same key in another one.
  SELECT encode(substr(p_denominations, i * 97 + 1, 32), 'hex') INTO offender
  FROM generate_series(0, octet_length(p_denominations) / 97 - 1) AS i
  WHERE NOT EXISTS (SELECT FROM withdrawal.denomination d
                    WHERE d.denom_id = substr(p_denominations, i * 97 + 1, 32)
                      AND d.h = substr(p_denominations, i * 97 + 33, 65))
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'KEY_REUSED: the key of denomination % stands in another denomination; draw a new key', offender
      USING ERRCODE = 'CF001';
  END IF;
END
$$;

-- Accounts (section 3) ----------------------------------------------------------------------------------------------

-- Narrow, since each order writes it: last_order heads the chain of orders. Its lock serializes an account's orders.
CREATE TABLE withdrawal.account (
  account_id     bytea       PRIMARY KEY CHECK (octet_length(account_id) = 32),
  serial         bytea       NOT NULL CHECK (octet_length(serial) = 16),
  a_o            bytea       NOT NULL CHECK (octet_length(a_o) = 65),
  a_q            bytea       NOT NULL CHECK (octet_length(a_q) = 65),
  u              bytea       NOT NULL CHECK (octet_length(u) = 65),
  k              bytea       NOT NULL CHECK (octet_length(k) = 65),  -- the account key
  registered_at  timestamptz NOT NULL DEFAULT now(),
  last_order     bigint      NOT NULL DEFAULT 0 CHECK (last_order >= 0),
  closed_at      timestamptz,
  closed_case    bigint,
  CONSTRAINT account_serial_once UNIQUE (serial),
  CONSTRAINT account_u_once UNIQUE (u),
  CHECK (closed_case IS NULL OR closed_at IS NOT NULL)
) WITH (fillfactor = 70);

-- What the account holder signed, which a court may want to see, and what she was answered.
CREATE TABLE withdrawal.registration (
  account_id         bytea PRIMARY KEY REFERENCES withdrawal.account,
  digest             bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),  -- of the signed registration's frame
  registration_file  bytea NOT NULL,
  receipt            bytea NOT NULL
);

-- [guard] All identity points, coin's and cheque's in one set, closed accounts included: an extracted secret names one
-- account.
CREATE TABLE withdrawal.identity_point (
  point       bytea PRIMARY KEY CHECK (octet_length(point) = 65),
  account_id  bytea NOT NULL REFERENCES withdrawal.account,
  kind        text  NOT NULL CHECK (kind IN ('coin', 'cheque')),
  UNIQUE (account_id, kind)
);

-- Orders (section 4) ------------------------------------------------------------------------------------------------

-- What became of order N that was opened in a time slot: one row, so either a completion or a void, for ever.
CREATE TABLE withdrawal.order_slot (
  account_id  bytea       NOT NULL REFERENCES withdrawal.account,
  n           bigint      NOT NULL CHECK (n >= 1),
  time_slot   bigint      NOT NULL CHECK (time_slot >= 0),
  outcome     text        NOT NULL CHECK (outcome IN ('completed', 'void')),
  statement   bytea,                        -- of a void: the signed statement
  settled_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, n, time_slot),
  UNIQUE (account_id, n, time_slot, outcome),
  CHECK ((outcome = 'void') = (statement IS NOT NULL))
);

-- [guard] One completion for each (account, N), written before any answer leaves: a nonce answers one challenge, ever.
CREATE TABLE withdrawal.completed_order (
  account_id    bytea       NOT NULL REFERENCES withdrawal.account,
  n             bigint      NOT NULL CHECK (n >= 1),
  time_slot     bigint      NOT NULL,
  order_digest  bytea       NOT NULL CHECK (octet_length(order_digest) = 32),  -- of the signed order's frame
  lineage       bytea       NOT NULL CHECK (octet_length(lineage) = 32),       -- under which its nonces were drawn
  signed_order  bytea       NOT NULL,
  completion    bytea       NOT NULL,
  completed_at  timestamptz NOT NULL DEFAULT now(),
  outcome       text        GENERATED ALWAYS AS ('completed') STORED,
  previous_n    bigint      GENERATED ALWAYS AS (nullif(n - 1, 0)) STORED,
  PRIMARY KEY (account_id, n),
  -- It took the row of its time slot.
  CONSTRAINT completed_order_takes_slot FOREIGN KEY (account_id, n, time_slot, outcome)
    REFERENCES withdrawal.order_slot (account_id, n, time_slot, outcome),
  -- [guard] The chain: its number is one more than that of the last completed one.
  CONSTRAINT completed_order_chain FOREIGN KEY (account_id, previous_n)
    REFERENCES withdrawal.completed_order (account_id, n)
);

-- What was issued, line by line, for reconciliation and audit. No foreign key to the denomination: its check would lock
-- the denomination's row, where all orders of it would meet; only lines of the signed list get here, and audit compares.
CREATE TABLE withdrawal.issued (
  account_id  bytea   NOT NULL,
  n           bigint  NOT NULL,
  denom_id    bytea   NOT NULL CHECK (octet_length(denom_id) = 32),
  count       integer NOT NULL CONSTRAINT issued_at_most_seven CHECK (count BETWEEN 1 AND 7),  -- [guard]
  value       bigint  NOT NULL CHECK (value > 0),  -- of the line, minor units
  PRIMARY KEY (account_id, n, denom_id),           -- [guard] each denomination once in an order
  FOREIGN KEY (account_id, n) REFERENCES withdrawal.completed_order
);

-- A completed order cannot be void, and a closed account completes nothing. Both look at other rows, so they take the
-- account's lock (which the service holds already).
CREATE FUNCTION withdrawal.check_slot() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  closed boolean;
BEGIN
  SELECT a.closed_at IS NOT NULL INTO closed FROM withdrawal.account a
  WHERE a.account_id = NEW.account_id FOR NO KEY UPDATE;
  IF NEW.outcome = 'completed' THEN
    IF closed THEN
      RAISE EXCEPTION 'ACCOUNT_CLOSED: the account is closed; no order of it completes any more'
        USING ERRCODE = 'CF001';
    END IF;
  ELSIF EXISTS (SELECT FROM withdrawal.completed_order c WHERE c.account_id = NEW.account_id AND c.n = NEW.n) THEN
    RAISE EXCEPTION 'ORDER_COMPLETED: order % completed and cannot be void; send the same order again for its answer',
      NEW.n USING ERRCODE = 'CF001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER check_slot BEFORE INSERT ON withdrawal.order_slot
  FOR EACH ROW EXECUTE FUNCTION withdrawal.check_slot();

-- The lineage of the database (section 4) -----------------------------------------------------------------------------

-- A random epoch for each start of each copy of the database, drawn by whichever replica of the service needs it first
-- (generation 0), or anew by the operator after a running machine was put back to a snapshot. The newest generation of
-- the present incarnation counts. services/withdrawal/README.md says why.
CREATE TABLE withdrawal.lineage_epoch (
  system_identifier    bigint      NOT NULL,  -- the u64's bits
  timeline             bigint      NOT NULL,
  postmaster_start_us  bigint      NOT NULL,
  generation           bigint      NOT NULL CHECK (generation >= 0),
  epoch                bytea       NOT NULL UNIQUE CHECK (octet_length(epoch) = 16),
  drawn_at             timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (system_identifier, timeline, postmaster_start_us, generation)
);

-- Starts a new lineage: every order that was opened before is dead. Returns its generation.
CREATE FUNCTION withdrawal.renew_lineage(p_system_identifier bigint, p_timeline bigint, p_postmaster_start_us bigint,
                                         p_epoch bytea) RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO withdrawal.lineage_epoch (system_identifier, timeline, postmaster_start_us, generation, epoch)
  SELECT p_system_identifier, p_timeline, p_postmaster_start_us, coalesce(max(e.generation), 0) + 1, p_epoch
  FROM withdrawal.lineage_epoch e
  WHERE e.system_identifier = p_system_identifier AND e.timeline = p_timeline
    AND e.postmaster_start_us = p_postmaster_start_us
  RETURNING generation
$$;

-- Who may do what ---------------------------------------------------------------------------------------------------

-- The service adds and never changes what it added, but for the head of the chain and the closing of an account. Lists
-- and renewed lineages are the operator's.
REVOKE UPDATE, DELETE ON ALL TABLES IN SCHEMA withdrawal FROM cafe_withdrawal;
REVOKE INSERT ON withdrawal.denomination_list, withdrawal.denomination FROM cafe_withdrawal;
GRANT UPDATE (last_order, closed_at, closed_case) ON withdrawal.account TO cafe_withdrawal;
REVOKE EXECUTE ON FUNCTION withdrawal.publish_list(bigint, bytea, bytea, bytea),
  withdrawal.renew_lineage(bigint, bigint, bigint, bytea) FROM cafe_withdrawal;
GRANT EXECUTE ON FUNCTION withdrawal.publish_list(bigint, bytea, bytea, bytea),
  withdrawal.renew_lineage(bigint, bigint, bigint, bytea) TO cafe_operator;
