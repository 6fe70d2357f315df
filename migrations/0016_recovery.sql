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
