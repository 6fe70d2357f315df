-- Backups, claims and the hotlist (section 8 of the protocol).

-- Advances -----------------------------------------------------------------------------------------------------------

-- A credited claim is an advance until nothing can be paid with its coins any more; only then it takes from what was
-- issued. So a payment that comes in late still finds what it is due.
DELETE FROM ledger.permission WHERE role = 'cafe_recovery' OR kind = 'recovered';
DELETE FROM ledger.account_kind WHERE kind = 'recovered';
INSERT INTO ledger.account_kind (kind, shards, guarded, short_reason) VALUES
  ('claims', 16, false, 'INSUFFICIENT_FUNDS');
INSERT INTO ledger.permission (role, kind, debit, credit) VALUES
  ('cafe_recovery', 'claims',   true, true),
  ('cafe_recovery', 'customer', true, true),
  ('cafe_recovery', 'coins',    true, false),
  ('cafe_recovery', 'cheques',  true, false),
  ('cafe_recovery', 'loss',     true, false);

-- Backups ------------------------------------------------------------------------------------------------------------

-- Whose words open which account's backups. One account only: who learns a holder point could otherwise put a backup of
-- his own in front of hers.
CREATE TABLE recovery.backup_holder (
  holder      bytea PRIMARY KEY CHECK (octet_length(holder) = 65),
  account_id  bytea NOT NULL CHECK (octet_length(account_id) = 32),
  UNIQUE (holder, account_id)
);

-- Coin seeds, each under a key that only its owner has. Added, never changed; the highest number counts.
CREATE TABLE recovery.backup (
  account_id       bytea  NOT NULL CHECK (octet_length(account_id) = 32),
  number           bigint NOT NULL CHECK (number >= 1),
  backup_digest    bytea  NOT NULL UNIQUE CHECK (octet_length(backup_digest) = 32),  -- of the signed backup's frame
  holder           bytea  NOT NULL,
  document         bytea  NOT NULL,  -- the signed backup
  kept             bytea  NOT NULL,  -- the signed answer
  key_certificate  bytea  NOT NULL,  -- of the key that signed it
  kept_ms          bigint NOT NULL CHECK (kept_ms > 0),
  PRIMARY KEY (account_id, number),
  CONSTRAINT backup_of_its_holder FOREIGN KEY (holder, account_id) REFERENCES recovery.backup_holder (holder, account_id)
);
CREATE INDEX backup_by_holder ON recovery.backup (holder, number);

-- [guard] Numbers rise, so that an old backup, sent again, takes no newer one's place.
CREATE FUNCTION recovery.check_backup() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('recovery.backup ' || encode(NEW.account_id, 'hex'), 0));
  -- A statement of its own, so that it sees what those whom the lock waited for have committed.
  IF EXISTS (SELECT FROM recovery.backup b WHERE b.account_id = NEW.account_id AND b.number >= NEW.number) THEN
    RAISE EXCEPTION 'BACKUP_OUTDATED: a backup of this number or a higher one is kept; seal it under the next number'
      USING ERRCODE = 'CF001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER check_backup BEFORE INSERT ON recovery.backup FOR EACH ROW EXECUTE FUNCTION recovery.check_backup();

-- Claims -------------------------------------------------------------------------------------------------------------

-- Claims are numbered without a gap in the order in which they commit, since a terminal that holds the hotlist up to a
-- number asks for what has a higher one. Whoever files holds this row until the end of the transaction, so claims are
-- filed one after the other.
CREATE TABLE recovery.claim_counter (
  only_one  boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  last      bigint  NOT NULL CHECK (last >= 0)
);
INSERT INTO recovery.claim_counter (last) VALUES (0);

CREATE FUNCTION recovery.next_claim() RETURNS bigint
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE recovery.claim_counter SET last = last + 1 RETURNING last
$$;

CREATE TABLE recovery.claim (
  number           bigint  PRIMARY KEY CHECK (number >= 1),
  claim_digest     bytea   NOT NULL CONSTRAINT claim_once UNIQUE CHECK (octet_length(claim_digest) = 32),
  account_id       bytea   NOT NULL CHECK (octet_length(account_id) = 32),   -- whose coins they are
  claimant_id      bytea   NOT NULL CHECK (octet_length(claimant_id) = 32),  -- who signed the claim
  kind             text    NOT NULL CHECK (kind IN ('coins', 'cheques', 'payments')),
  time_ms          bigint  NOT NULL CHECK (time_ms > 0),    -- in the claim: what is paid later is paid after it
  filed_ms         bigint  NOT NULL CHECK (filed_ms > 0),
  held_until_ms    bigint  NOT NULL,
  final_at_ms      bigint  NOT NULL,
  coins            integer NOT NULL CHECK (coins BETWEEN 1 AND 4096),
  -- frame "cafe/v1/claim-file" as of the receipt: statements and payments stand in tables of their own.
  file             bytea   NOT NULL,
  receipt          bytea   NOT NULL,  -- signed when it was filed; leaves the service when the claim is held
  key_certificate  bytea   NOT NULL,  -- of the key that signed it
  -- filed: stored; its slots may not be marked in the coin store yet. held: they are. credited: an advance was paid.
  -- final: the advance is drawn from what was issued.
  state            text    NOT NULL DEFAULT 'filed' CHECK (state IN ('filed', 'held', 'credited', 'final')),
  sequence         integer NOT NULL DEFAULT 0,              -- of the last statement
  last_sequence    integer GENERATED ALWAYS AS (nullif(sequence, 0)) STORED,
  next_look_ms     bigint  NOT NULL,                        -- when the worker looks at it next
  note             text    NOT NULL DEFAULT '' CHECK (length(note) <= 1000),  -- what holds it up
  CHECK (held_until_ms >= filed_ms AND final_at_ms >= held_until_ms),
  CONSTRAINT credit_is_stated CHECK ((state IN ('credited', 'final')) = (sequence > 0))
);
-- All cheques of an account are claimed together, once.
CREATE UNIQUE INDEX cheques_claimed_once ON recovery.claim (account_id) WHERE kind = 'cheques';
CREATE INDEX claim_due ON recovery.claim (next_look_ms) WHERE state <> 'final';

CREATE FUNCTION recovery.check_claim() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  states CONSTANT text[] := ARRAY['filed', 'held', 'credited', 'final'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state <> 'filed' OR NEW.number <> (SELECT c.last FROM recovery.claim_counter c) THEN
      RAISE EXCEPTION 'CLAIM_NUMBER: a claim is filed under the number that recovery.next_claim gives'
        USING ERRCODE = 'CF001';
    END IF;
    RETURN NEW;
  END IF;
  IF array_position(states, NEW.state) < array_position(states, OLD.state)
     OR NEW.sequence NOT IN (OLD.sequence, OLD.sequence + 1) THEN
    RAISE EXCEPTION 'CLAIM_GOES_ON: claim % is %, and never goes back', OLD.number, OLD.state USING ERRCODE = 'CF001';
  END IF;
  IF NEW.state <> OLD.state AND OLD.state = 'filed' AND NEW.state <> 'held'
     OR OLD.state = 'final' AND NEW.sequence <> OLD.sequence THEN
    RAISE EXCEPTION 'CLAIM_GOES_ON: a claim that is % does not become %', OLD.state, NEW.state USING ERRCODE = 'CF001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER check_claim BEFORE INSERT OR UPDATE ON recovery.claim
  FOR EACH ROW EXECUTE FUNCTION recovery.check_claim();

-- The session (an order's coin i of a denomination) that a claimed coin is the unblinding of. Any coin fits any session of
-- its account, so the first claim fixes the pair: a session yields one coin, and a coin has one session.
CREATE TABLE recovery.claimed_session (
  account_id  bytea   NOT NULL CHECK (octet_length(account_id) = 32),
  n           bigint  NOT NULL CHECK (n >= 1),
  denom_id    bytea   NOT NULL CHECK (octet_length(denom_id) = 32),
  i           integer NOT NULL CHECK (i BETWEEN 0 AND 6),
  coin_id     bytea   NOT NULL CHECK (octet_length(coin_id) = 32),
  PRIMARY KEY (account_id, n, denom_id, i),
  CONSTRAINT claimed_coin_once UNIQUE (coin_id),
  UNIQUE (account_id, n, denom_id, i, coin_id)
);

CREATE TABLE recovery.claim_coin (
  number         bigint  NOT NULL REFERENCES recovery.claim,
  coin           integer NOT NULL CHECK (coin BETWEEN 0 AND 4095),  -- its place in the claim
  account_id     bytea   NOT NULL,
  n              bigint  NOT NULL,
  denom_id       bytea   NOT NULL,
  i              integer NOT NULL,
  coin_id        bytea   NOT NULL,
  slots          bigint  NOT NULL CHECK (slots <> 0),  -- the u64's bits: bit j is slot j
  -- Its denomination's, unix seconds.
  spend_until    bigint  NOT NULL CHECK (spend_until > 0),
  deposit_until  bigint  NOT NULL CHECK (deposit_until >= spend_until),
  claim_until    bigint  NOT NULL CHECK (claim_until >= deposit_until),
  PRIMARY KEY (number, coin),
  UNIQUE (number, coin_id),
  CONSTRAINT claimed_coin_fits_session FOREIGN KEY (account_id, n, denom_id, i, coin_id)
    REFERENCES recovery.claimed_session (account_id, n, denom_id, i, coin_id)
);
CREATE INDEX claim_coin_session ON recovery.claim_coin (account_id, n, denom_id, i);

-- [guard] A slot is claimed once, ever: the claim that has it.
CREATE TABLE recovery.claimed_slot (
  account_id  bytea   NOT NULL,
  n           bigint  NOT NULL,
  denom_id    bytea   NOT NULL,
  i           integer NOT NULL,
  slot        integer NOT NULL CHECK (slot BETWEEN 0 AND 63),
  number      bigint  NOT NULL,
  coin        integer NOT NULL,
  CONSTRAINT slot_claimed_once PRIMARY KEY (account_id, n, denom_id, i, slot),
  FOREIGN KEY (number, coin) REFERENCES recovery.claim_coin
);
CREATE INDEX claimed_slot_of ON recovery.claimed_slot (number, coin);

-- A coin of a claim takes its slots; the service cannot add one without. A claim of all cheques names also those that paid
-- what came to nothing and was claimed before: they stay with that claim, and this one deducts what it claimed.
CREATE FUNCTION recovery.take_slots() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM added JOIN recovery.claim c USING (number) WHERE added.account_id <> c.account_id) THEN
    RAISE EXCEPTION 'CLAIM_ACCOUNT: the coins of a claim are of one account' USING ERRCODE = 'CF001';
  END IF;
  INSERT INTO recovery.claimed_slot (account_id, n, denom_id, i, slot, number, coin)
  SELECT added.account_id, added.n, added.denom_id, added.i, s.slot, added.number, added.coin
  FROM added JOIN recovery.claim c USING (number) CROSS JOIN LATERAL generate_series(0, 63) AS s (slot)
  WHERE (added.slots >> s.slot) & 1 = 1
    AND NOT (c.kind = 'cheques'
             AND EXISTS (SELECT FROM recovery.claimed_slot t JOIN recovery.claim p ON p.number = t.number
                         WHERE p.kind = 'payments' AND t.account_id = added.account_id AND t.n = added.n
                           AND t.denom_id = added.denom_id AND t.i = added.i AND t.slot = s.slot));
  RETURN NULL;
END
$$;
CREATE TRIGGER take_slots AFTER INSERT ON recovery.claim_coin REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION recovery.take_slots();

-- What became of a claim: signed statements, each the whole state at its time.
CREATE TABLE recovery.claim_statement (
  number             bigint  NOT NULL REFERENCES recovery.claim,
  sequence           integer NOT NULL CHECK (sequence >= 1),
  state              text    NOT NULL CHECK (state IN ('credited', 'final')),
  document           bytea   NOT NULL,
  key_certificate    bytea   NOT NULL,  -- of the key that signed it
  credited_to        bytea   NOT NULL CHECK (octet_length(credited_to) = 32),  -- whose account was credited or charged
  at_ms              bigint  NOT NULL CHECK (at_ms > 0),
  previous_sequence  integer GENERATED ALWAYS AS (nullif(sequence - 1, 0)) STORED,
  PRIMARY KEY (number, sequence),
  CONSTRAINT statement_follows FOREIGN KEY (number, previous_sequence)
    REFERENCES recovery.claim_statement (number, sequence)
);
ALTER TABLE recovery.claim ADD CONSTRAINT state_is_stated
  FOREIGN KEY (number, last_sequence) REFERENCES recovery.claim_statement (number, sequence);

-- Payments that deductions stand on, with the credential of who signed their terms.
CREATE TABLE recovery.claim_payment (
  number          bigint NOT NULL REFERENCES recovery.claim,
  payment_digest  bytea  NOT NULL CHECK (octet_length(payment_digest) = 32),  -- SHA-256 of the payment
  payment         bytea  NOT NULL,
  credential      bytea  NOT NULL,
  PRIMARY KEY (number, payment_digest)
);

-- Slots of a claim that a payment spent, each once: what the statement with this sequence deducts first.
CREATE TABLE recovery.deduction (
  number          bigint  NOT NULL,
  coin            integer NOT NULL,
  slot            integer NOT NULL CHECK (slot BETWEEN 0 AND 63),
  paid_after      boolean NOT NULL,  -- the claim, by the time in the payment's terms
  charged         boolean NOT NULL,  -- it was credited before, and is taken back
  currency        text    NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  value           bigint  NOT NULL CHECK (value > 0),  -- minor units
  uncollected     bigint  NOT NULL,  -- of it, what the claimant's account did not hold: borne by the issuer
  payment_digest  bytea   NOT NULL,
  spend           integer NOT NULL CHECK (spend BETWEEN 0 AND 127),  -- which of the payment's
  sequence        integer NOT NULL,
  CONSTRAINT slot_deducted_once PRIMARY KEY (number, coin, slot),
  FOREIGN KEY (number, coin) REFERENCES recovery.claim_coin,
  FOREIGN KEY (number, payment_digest) REFERENCES recovery.claim_payment,
  FOREIGN KEY (number, sequence) REFERENCES recovery.claim_statement,
  CONSTRAINT charge_is_later CHECK (charged = (sequence > 1)),
  CHECK (uncollected BETWEEN 0 AND CASE WHEN charged THEN value ELSE 0 END)
);

-- Cheques claimed beyond what guardians were loaded with: somewhere a guardian is broken. `amount` is what the issuer bore.
CREATE TABLE recovery.cheque_alarm (
  number     bigint NOT NULL REFERENCES recovery.claim,
  currency   text   NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount     bigint NOT NULL CHECK (amount > 0),  -- minor units, posted from `loss`
  raised_ms  bigint NOT NULL CHECK (raised_ms > 0),
  PRIMARY KEY (number, currency)
);

-- Who may do what ----------------------------------------------------------------------------------------------------

-- The service adds and never changes what it added, but for where a claim stands.
REVOKE UPDATE, DELETE ON ALL TABLES IN SCHEMA recovery FROM cafe_recovery;
REVOKE INSERT ON recovery.claim_counter, recovery.claimed_slot FROM cafe_recovery;
GRANT UPDATE (state, sequence, next_look_ms, note) ON recovery.claim TO cafe_recovery;
