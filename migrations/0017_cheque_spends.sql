-- What cheques paid, for good (section 8 of the protocol).

-- An account's cheques are claimed all together: its loads less everything that all of them ever spent. The coin store
-- drops a month's spends once nobody may claim its coins any more, and a cheque is claimed however old it is. So deposit
-- keeps where each credited spend of a cheque is archived, and of a call paid by ticks each time that more of them were
-- shown: every number of ticks of a cheque is credited once. Written by the transaction that credits the batch, never
-- changed. Coins are not in here.
CREATE TABLE deposit.cheque_spend (
  batch    bigint   NOT NULL REFERENCES deposit.batch,
  ticks    integer  NOT NULL CHECK (ticks >= 0),               -- that were shown; 0 where an amount was written out
  payment  smallint NOT NULL CHECK (payment BETWEEN 0 AND 999),  -- of the batch
  spend    smallint NOT NULL CHECK (spend BETWEEN 0 AND 127),    -- of the payment
  coin_id  bytea    NOT NULL CHECK (octet_length(coin_id) = 32),
  -- Leads to the first spend of a cheque and to the one that shows the most ticks; the same batch again adds nothing.
  PRIMARY KEY (coin_id, ticks)
);
ALTER TABLE deposit.cheque_spend ALTER COLUMN coin_id SET STORAGE EXTERNAL;
REVOKE UPDATE, DELETE ON deposit.cheque_spend FROM cafe_deposit;
