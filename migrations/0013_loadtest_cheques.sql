-- Load tests: loads for cheques that anyone can make (libs/protocol/loadtest_key.h), beside the value for coins that
-- ledger.issue_loadtest gives.

-- Gives p_amount to an account in XTS, the code of ISO 4217 for tests, for nothing: posting p_posting, loadtest -X,
-- account +X. True: it is new; the same reference again changes nothing.
CREATE FUNCTION ledger.give_loadtest(p_posting text, p_reference bytea, p_kind text, p_owner bytea, p_amount bigint)
  RETURNS boolean
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  posting  bigint;
BEGIN
  IF p_amount IS NULL OR p_amount <= 0 OR p_reference IS NULL THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: the amount is above zero, and a reference tells repetitions');
  END IF;
  INSERT INTO ledger.posting (kind, reference) VALUES (p_posting, p_reference)
    ON CONFLICT (kind, reference) DO NOTHING RETURNING id INTO posting;
  IF posting IS NULL THEN
    IF NOT EXISTS (SELECT FROM ledger.posting p JOIN ledger.entry e ON e.posting_id = p.id
                   JOIN ledger.account a ON a.id = e.account_id
                   WHERE p.kind = p_posting AND p.reference = p_reference
                     AND a.kind = p_kind AND a.owner = p_owner AND e.amount = p_amount) THEN
      PERFORM ledger.fail('CF002', 'POSTING_CONFLICT: this reference was posted before with other lines');
    END IF;
    RETURN false;
  END IF;
  WITH added AS (
    INSERT INTO ledger.account (kind, owner, currency)
      VALUES (p_kind, p_owner, 'XTS'), ('loadtest', ''::bytea, 'XTS')
      ON CONFLICT DO NOTHING RETURNING id, kind)
  INSERT INTO ledger.balance (account_id, shard, guarded)
  SELECT added.id, s.shard, k.guarded
  FROM added JOIN ledger.account_kind k USING (kind) CROSS JOIN LATERAL generate_series(0, k.shards - 1) AS s (shard);
  INSERT INTO ledger.entry (posting_id, line, account_id, amount)
  SELECT posting, t.line, a.id, t.amount
  FROM (VALUES (1, p_kind, p_owner, p_amount), (2, 'loadtest', ''::bytea, -p_amount)) AS t (line, kind, owner, amount)
  JOIN ledger.account a ON a.kind = t.kind AND a.owner = t.owner AND a.currency = 'XTS';
  PERFORM ledger.put(e.account_id, k.shards, e.amount)
  FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id JOIN ledger.account_kind k ON k.kind = a.kind
  WHERE e.posting_id = posting ORDER BY e.account_id;
  RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION ledger.issue_loadtest(p_denom_id bytea, p_reference bytea, p_amount bigint) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM withdrawal.denomination d WHERE d.denom_id = p_denom_id) THEN
    PERFORM ledger.fail('CF004', 'UNKNOWN_DENOMINATION: no published list holds this denomination');
  END IF;
  RETURN ledger.give_loadtest('loadtest', p_reference, 'coins', p_denom_id, p_amount);
END
$$;

-- Puts p_amount under the cheques of an issuer, so that they can be deposited though no guardian was loaded: posting
-- "loadtest_load", loadtest -X, cheques +X. Whether the issuer's cheques in XTS are all for load tests, cafectl checks and
-- the audit.
CREATE FUNCTION ledger.load_loadtest(p_issuer_id text, p_reference bytea, p_amount bigint) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_issuer_id IS NULL THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: loads are of an issuer');
  END IF;
  RETURN ledger.give_loadtest('loadtest_load', p_reference, 'cheques', sha256(convert_to(p_issuer_id, 'UTF8')), p_amount);
END
$$;
GRANT EXECUTE ON FUNCTION ledger.load_loadtest(text, bytea, bigint) TO cafe_operator;
