-- The ledger: double entry, append-only, without a hot row. libs/storage/ledger.h tells the signs and the errors.
-- An error's message is "REASON: sentence"; SQLSTATE CF0nn gives its code (libs/storage/postgres.h).

-- What kinds of account there are. A later migration adds a kind by a row here and rows in ledger.permission.
CREATE TABLE ledger.account_kind (
  kind          text PRIMARY KEY CHECK (kind ~ '^[a-z_]{1,32}$'),
  -- Over how many rows a balance of this kind is spread, so that concurrent postings do not wait for each other.
  shards        integer NOT NULL CHECK (shards BETWEEN 1 AND 16),
  -- A guarded balance never falls below zero, in any of its shards.
  guarded       boolean NOT NULL,
  -- The reason given when it would.
  short_reason  text NOT NULL CHECK (short_reason ~ '^[A-Z_]+$')
);

INSERT INTO ledger.account_kind (kind, shards, guarded, short_reason) VALUES
  ('customer',   1, true,  'INSUFFICIENT_FUNDS'),
  ('payee',      4, true,  'INSUFFICIENT_FUNDS'),
  ('recovered',  1, true,  'INSUFFICIENT_FUNDS'),
  ('coins',     16, true,  'OVERDRAWN'),
  ('cheques',   16, true,  'OVERDRAWN'),
  ('cash',      16, false, 'INSUFFICIENT_FUNDS'),
  ('loss',      16, false, 'INSUFFICIENT_FUNDS'),
  ('clearing',  16, false, 'INSUFFICIENT_FUNDS');

-- Which role may debit and credit which kind. Together with "sums to zero" it bounds what a captured service can do:
-- withdrawal cannot pay a payee, deposit cannot touch a customer, and only the operator moves cash into the system.
CREATE TABLE ledger.permission (
  role    name    NOT NULL,
  kind    text    NOT NULL REFERENCES ledger.account_kind,
  debit   boolean NOT NULL,
  credit  boolean NOT NULL,
  PRIMARY KEY (role, kind)
);

INSERT INTO ledger.permission (role, kind, debit, credit) VALUES
  ('cafe_withdrawal', 'customer',  true,  false),
  ('cafe_withdrawal', 'coins',     false, true),
  ('cafe_withdrawal', 'cheques',   false, true),
  ('cafe_deposit',    'coins',     true,  false),
  ('cafe_deposit',    'cheques',   true,  false),
  ('cafe_deposit',    'loss',      true,  false),
  ('cafe_deposit',    'clearing',  true,  false),
  ('cafe_deposit',    'payee',     false, true),
  ('cafe_recovery',   'coins',     true,  false),
  ('cafe_recovery',   'cheques',   true,  false),
  ('cafe_recovery',   'recovered', true,  true),
  ('cafe_recovery',   'payee',     false, true),
  ('cafe_recovery',   'customer',  false, true),
  ('cafe_settlement', 'clearing',  true,  true),
  ('cafe_settlement', 'coins',     true,  false),
  ('cafe_settlement', 'cheques',   true,  false),
  ('cafe_settlement', 'loss',      true,  false),
  ('cafe_settlement', 'payee',     false, true),
  ('cafe_settlement', 'cash',      true,  true),
  ('cafe_operator',   'cash',      true,  true),
  ('cafe_operator',   'customer',  true,  true),
  ('cafe_operator',   'payee',     true,  true),
  ('cafe_operator',   'loss',      true,  true);

CREATE TABLE ledger.account (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind      text   NOT NULL REFERENCES ledger.account_kind,
  owner     bytea  NOT NULL CHECK (octet_length(owner) <= 64),
  currency  text   NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  UNIQUE (kind, owner, currency)
);

-- A movement. (kind, reference) is its idempotency key.
CREATE TABLE ledger.posting (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text        NOT NULL CHECK (kind ~ '^[a-z_]{1,32}$'),
  reference  bytea       NOT NULL CHECK (octet_length(reference) BETWEEN 1 AND 64),
  at         timestamptz NOT NULL DEFAULT now(),
  posted_by  name        NOT NULL DEFAULT session_user,
  UNIQUE (kind, reference)
);

-- One side of a movement. account_id has no foreign key: its check would lock the account's row, and every posting of
-- a denomination would meet in that row. Accounts are never deleted, ledger.post is the only writer, audit checks it.
CREATE TABLE ledger.entry (
  posting_id  bigint  NOT NULL REFERENCES ledger.posting,
  line        integer NOT NULL CHECK (line > 0),
  account_id  bigint  NOT NULL,
  amount      bigint  NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (posting_id, line),
  UNIQUE (account_id, posting_id)
);

CREATE TABLE ledger.balance (
  account_id  bigint  NOT NULL REFERENCES ledger.account,
  shard       integer NOT NULL CHECK (shard BETWEEN 0 AND 15),
  amount      bigint  NOT NULL DEFAULT 0,
  guarded     boolean NOT NULL,
  PRIMARY KEY (account_id, shard),
  CONSTRAINT balance_guarded CHECK (NOT guarded OR amount >= 0)
) WITH (fillfactor = 50);  -- room for updates that stay in their page and touch no index

-- Append-only ------------------------------------------------------------------------------------------------------

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'LEDGER_APPEND_ONLY: ledger.% is never changed; post the opposite movement instead', TG_TABLE_NAME
    USING ERRCODE = 'CF001';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.posting
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.account
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.balance
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Sums to zero -----------------------------------------------------------------------------------------------------

-- Both checks look at whole postings. The one on entries runs once for each statement, so that a posting of a thousand
-- lines is summed once; it makes one statement insert all lines of a posting. The one on postings waits for the commit,
-- when nobody acts for the owner any more (hence SECURITY DEFINER), and catches those without any line.

CREATE FUNCTION ledger.check_entries() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong bigint;
BEGIN
  SELECT e.posting_id INTO wrong
  FROM ledger.entry e LEFT JOIN ledger.account a ON a.id = e.account_id
  WHERE e.posting_id IN (SELECT posting_id FROM added)
  GROUP BY e.posting_id
  HAVING sum(e.amount) <> 0 OR count(DISTINCT a.currency) <> 1 OR count(a.id) <> count(*)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'POSTING_UNBALANCED: the lines of posting % do not sum to zero in one currency on known accounts', wrong
      USING ERRCODE = 'CF003';
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER sums_to_zero AFTER INSERT ON ledger.entry REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_entries();

CREATE FUNCTION ledger.check_posting() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lines bigint;
  total numeric;
BEGIN
  SELECT count(*), coalesce(sum(amount), 0) INTO lines, total FROM ledger.entry WHERE posting_id = NEW.id;
  IF lines < 2 OR total <> 0 THEN
    RAISE EXCEPTION 'POSTING_UNBALANCED: posting % has % lines that sum to %', NEW.id, lines, total
      USING ERRCODE = 'CF003';
  END IF;
  RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER has_lines AFTER INSERT ON ledger.posting DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger.check_posting();
