-- Load tests: value for denominations whose coins anyone can make (libs/protocol/loadtest_key.h).

-- What was given out for nothing. Its balance is minus the sum of all that load tests were given.
INSERT INTO ledger.account_kind (kind, shards, guarded, short_reason)
  VALUES ('loadtest', 1, false, 'INSUFFICIENT_FUNDS');

-- Puts p_amount into a denomination's escrow, so that its coins can be deposited though nobody withdrew them: posting
-- "loadtest", loadtest -X, coins +X. True: it is new; the same reference again changes nothing.
--
-- ledger.post would need the right to credit coins of every denomination. This is for published ones in XTS only, the
-- code of ISO 4217 for tests; whether the denomination's key is one for load tests, cafectl checks and the audit.
CREATE FUNCTION ledger.issue_loadtest(p_denom_id bytea, p_reference bytea, p_amount bigint) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  currency  CONSTANT text := 'XTS';
  posting   bigint;
BEGIN
  IF p_amount IS NULL OR p_amount <= 0 OR p_reference IS NULL THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: the amount is above zero, and a reference tells repetitions');
  END IF;
  IF NOT EXISTS (SELECT FROM withdrawal.denomination d WHERE d.denom_id = p_denom_id) THEN
    PERFORM ledger.fail('CF004', 'UNKNOWN_DENOMINATION: no published list holds this denomination');
  END IF;
  INSERT INTO ledger.posting (kind, reference) VALUES ('loadtest', p_reference)
    ON CONFLICT (kind, reference) DO NOTHING RETURNING id INTO posting;
  IF posting IS NULL THEN
    IF NOT EXISTS (SELECT FROM ledger.posting p JOIN ledger.entry e ON e.posting_id = p.id
                   JOIN ledger.account a ON a.id = e.account_id
                   WHERE p.kind = 'loadtest' AND p.reference = p_reference
                     AND a.kind = 'coins' AND a.owner = p_denom_id AND e.amount = p_amount) THEN
      PERFORM ledger.fail('CF002', 'POSTING_CONFLICT: this reference was posted before with other lines');
    END IF;
    RETURN false;
  END IF;
  WITH added AS (
    INSERT INTO ledger.account (kind, owner, currency)
      VALUES ('coins', p_denom_id, currency), ('loadtest', ''::bytea, currency)
      ON CONFLICT DO NOTHING RETURNING id, kind)
  INSERT INTO ledger.balance (account_id, shard, guarded)
  SELECT added.id, s.shard, k.guarded
  FROM added JOIN ledger.account_kind k USING (kind) CROSS JOIN LATERAL generate_series(0, k.shards - 1) AS s (shard);
  INSERT INTO ledger.entry (posting_id, line, account_id, amount)
  SELECT posting, t.line, a.id, t.amount
  FROM (VALUES (1, 'coins', p_denom_id, p_amount), (2, 'loadtest', ''::bytea, -p_amount))
         AS t (line, kind, owner, amount)
  JOIN ledger.account a ON a.kind = t.kind AND a.owner = t.owner AND a.currency = 'XTS';
  PERFORM ledger.put(e.account_id, k.shards, e.amount)
  FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id JOIN ledger.account_kind k ON k.kind = a.kind
  WHERE e.posting_id = posting ORDER BY e.account_id;
  RETURN true;
END
$$;
GRANT EXECUTE ON FUNCTION ledger.issue_loadtest(bytea, bytea, bigint) TO cafe_operator;
