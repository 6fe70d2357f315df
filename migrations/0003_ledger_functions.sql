-- The functions of the ledger: the only way in, and the audit. They run as cafe_owner with a fixed search path.
--
-- Locks are taken in ascending (account, shard), so that postings do not deadlock with each other: first the rows of new
-- accounts, in the order of their names, then balances.

-- A short reason as an error. `class` is the SQLSTATE (libs/storage/postgres.h).
CREATE FUNCTION ledger.fail(class text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', message USING ERRCODE = class;
END
$$;

-- Adds p_amount, of either sign, to this backend's own shard of an account. Each shard keeps to its part of the range, so
-- that the sum of all is a bigint too.
CREATE FUNCTION ledger.put(p_account bigint, p_shards integer, p_amount bigint) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  bound CONSTANT numeric := div(9223372036854775807::numeric, p_shards);
BEGIN
  UPDATE ledger.balance b SET amount = b.amount + p_amount
  WHERE b.account_id = p_account AND b.shard = pg_backend_pid() % p_shards
    AND b.amount::numeric + p_amount BETWEEN -bound AND bound;
  IF NOT FOUND THEN
    PERFORM ledger.fail('CF001', 'BALANCE_OVERFLOW: the account would hold more than a balance can express');
  END IF;
END
$$;

-- Takes p_amount (> 0) from a guarded account: from this backend's own shard when that holds enough, otherwise from all
-- of them together, which are then filled evenly. False: the whole account holds less; nothing was changed.
CREATE FUNCTION ledger.take(p_account bigint, p_shards integer, p_amount bigint) RETURNS boolean
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rest numeric;
BEGIN
  BEGIN
    UPDATE ledger.balance b SET amount = b.amount - p_amount
    WHERE b.account_id = p_account AND b.shard = pg_backend_pid() % p_shards AND b.amount >= p_amount;
    IF FOUND THEN
      RETURN true;
    END IF;
    -- An UPDATE that waited for a row and then found too little in it has locked the row all the same. Leaving this
    -- block by an exception gives the lock back, so that all shards can be locked in order.
    RAISE SQLSTATE 'CFR00';
  EXCEPTION WHEN SQLSTATE 'CFR00' THEN
    NULL;
  END;
  PERFORM FROM ledger.balance b WHERE b.account_id = p_account ORDER BY b.shard FOR NO KEY UPDATE;
  -- A statement of its own, so that it sees what those whom the lock waited for have committed.
  SELECT sum(b.amount) - p_amount INTO STRICT rest FROM ledger.balance b WHERE b.account_id = p_account;
  IF rest < 0 THEN
    RETURN false;
  END IF;
  UPDATE ledger.balance b
  SET amount = div(rest, p_shards) + CASE WHEN b.shard < mod(rest, p_shards) THEN 1 ELSE 0 END
  WHERE b.account_id = p_account;
  RETURN true;
END
$$;

-- Posts one movement: line i moves p_amounts[i] on the account (p_kinds[i], p_owners[i], p_currency). Returns the
-- posting's id; the same posting again returns the same id and changes nothing. Each account in one line only.
CREATE FUNCTION ledger.post(p_kind text, p_reference bytea, p_currency text, p_kinds text[], p_owners bytea[],
                            p_amounts bigint[]) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lines CONSTANT integer := coalesce(cardinality(p_amounts), 0);
  posting bigint;
  forbidden text;
  different boolean;
  line record;
BEGIN
  -- What is given makes sense.
  IF lines NOT BETWEEN 2 AND 10000 OR cardinality(p_kinds) IS DISTINCT FROM lines
     OR cardinality(p_owners) IS DISTINCT FROM lines
     OR array_position(p_amounts, NULL) IS NOT NULL OR array_position(p_kinds, NULL) IS NOT NULL
     OR array_position(p_owners, NULL) IS NOT NULL
     OR p_kind IS NULL OR p_kind !~ '^[a-z_]{1,32}$' OR p_currency IS NULL OR p_currency !~ '^[A-Z]{3}$'
     OR p_reference IS NULL OR octet_length(p_reference) NOT BETWEEN 1 AND 64 THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: a posting has a kind, a reference of 1 to 64 bytes, an ISO 4217 '
                                 'currency and 2 to 10,000 complete lines');
  END IF;
  IF EXISTS (SELECT FROM unnest(p_amounts) AS t (amount) WHERE amount = 0 OR amount = (-9223372036854775808)::bigint)
     OR (SELECT sum(amount) FROM unnest(p_amounts) AS t (amount)) <> 0 THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: the amounts of a posting are not zero, but their sum is');
  END IF;
  IF EXISTS (SELECT FROM unnest(p_kinds, p_owners) AS t (kind, owner)
             WHERE octet_length(owner) > 64 OR kind NOT IN (SELECT k.kind FROM ledger.account_kind k))
     OR lines <> (SELECT count(*) FROM (SELECT DISTINCT kind, owner FROM unnest(p_kinds, p_owners) AS t (kind, owner)) d)
  THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: each line names another account, of a kind that exists, with an owner '
                                 'of at most 64 bytes');
  END IF;

  -- The caller may do that. Superusers and owners pass: they could grant it to themselves.
  IF NOT pg_has_role(session_user, 'cafe_owner', 'MEMBER') THEN
    SELECT t.kind INTO forbidden
    FROM unnest(p_kinds, p_amounts) AS t (kind, amount)
    WHERE NOT EXISTS (SELECT FROM ledger.permission p
                      WHERE p.role = session_user AND p.kind = t.kind
                        AND CASE WHEN t.amount < 0 THEN p.debit ELSE p.credit END)
    LIMIT 1;
    IF FOUND THEN
      PERFORM ledger.fail('CF006', format('POSTING_FORBIDDEN: role %s may not move %s accounts that way', session_user,
                                          forbidden));
    END IF;
  END IF;

  -- It is new, or it is the same as before. A concurrent posting of the same key is waited for here.
  INSERT INTO ledger.posting (kind, reference) VALUES (p_kind, p_reference)
    ON CONFLICT (kind, reference) DO NOTHING RETURNING id INTO posting;
  IF posting IS NULL THEN
    SELECT p.id INTO STRICT posting FROM ledger.posting p WHERE p.kind = p_kind AND p.reference = p_reference;
    SELECT EXISTS (
      SELECT FROM (SELECT kind, owner, amount, p_currency AS currency
                   FROM unnest(p_kinds, p_owners, p_amounts) AS u (kind, owner, amount)) t
      FULL JOIN (SELECT a.kind, a.owner, a.currency, e.amount
                 FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id
                 WHERE e.posting_id = posting) s
        ON s.kind = t.kind AND s.owner = t.owner AND s.amount = t.amount AND s.currency = t.currency
      WHERE s.kind IS NULL OR t.kind IS NULL) INTO different;
    IF different THEN
      PERFORM ledger.fail('CF002', format('POSTING_CONFLICT: %s of this reference was posted before with other lines',
                                          p_kind));
    END IF;
    RETURN posting;
  END IF;

  -- Accounts that are named for the first time.
  IF lines > (SELECT count(*) FROM unnest(p_kinds, p_owners) AS t (kind, owner)
              JOIN ledger.account a ON a.kind = t.kind AND a.owner = t.owner AND a.currency = p_currency) THEN
    WITH added AS (
      INSERT INTO ledger.account (kind, owner, currency)
      SELECT t.kind, t.owner, p_currency FROM unnest(p_kinds, p_owners) AS t (kind, owner)
      WHERE NOT EXISTS (SELECT FROM ledger.account a
                        WHERE a.kind = t.kind AND a.owner = t.owner AND a.currency = p_currency)
      ORDER BY t.kind, t.owner
      ON CONFLICT DO NOTHING
      RETURNING id, kind)
    INSERT INTO ledger.balance (account_id, shard, guarded)
    SELECT added.id, s.shard, k.guarded
    FROM added JOIN ledger.account_kind k USING (kind) CROSS JOIN LATERAL generate_series(0, k.shards - 1) AS s (shard);
  END IF;

  INSERT INTO ledger.entry (posting_id, line, account_id, amount)
  SELECT posting, t.line, a.id, t.amount
  FROM unnest(p_kinds, p_owners, p_amounts) WITH ORDINALITY AS t (kind, owner, amount, line)
  JOIN ledger.account a ON a.kind = t.kind AND a.owner = t.owner AND a.currency = p_currency;

  FOR line IN
    SELECT e.account_id, e.amount, a.kind, k.shards, k.guarded, k.short_reason
    FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id JOIN ledger.account_kind k ON k.kind = a.kind
    WHERE e.posting_id = posting
    ORDER BY e.account_id
  LOOP
    IF line.amount > 0 OR NOT line.guarded THEN
      PERFORM ledger.put(line.account_id, line.shards, line.amount);
    ELSIF NOT ledger.take(line.account_id, line.shards, -line.amount) THEN
      PERFORM ledger.fail('CF001', format('%s: the %s account holds less than the %s that %s takes from it',
                                          line.short_reason, line.kind, -line.amount, p_kind));
    END IF;
  END LOOP;
  RETURN posting;
END
$$;

-- An account's balance; 0 for one that no posting has named.
CREATE FUNCTION ledger.balance_of(p_kind text, p_owner bytea, p_currency text) RETURNS bigint
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(sum(b.amount), 0)::bigint
  FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
  WHERE a.kind = p_kind AND a.owner = p_owner AND a.currency = p_currency
$$;

-- Recomputes everything from the entries. Each row is something that is wrong; none means that the books are right.
CREATE FUNCTION ledger.audit() RETURNS TABLE (broken_rule text, subject text, detail text)
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'posting_unbalanced', format('posting %s', p.id),
         format('%s lines in %s currencies sum to %s', count(e.amount), count(DISTINCT a.currency),
                coalesce(sum(e.amount), 0))
  FROM ledger.posting p LEFT JOIN ledger.entry e ON e.posting_id = p.id LEFT JOIN ledger.account a ON a.id = e.account_id
  GROUP BY p.id
  HAVING count(e.amount) < 2 OR sum(e.amount) <> 0 OR count(DISTINCT a.currency) <> 1
  UNION ALL
  SELECT 'entry_without_posting_or_account', format('posting %s line %s', e.posting_id, e.line),
         format('account %s', e.account_id)
  FROM ledger.entry e LEFT JOIN ledger.posting p ON p.id = e.posting_id LEFT JOIN ledger.account a ON a.id = e.account_id
  WHERE p.id IS NULL OR a.id IS NULL
  UNION ALL
  SELECT 'balance_differs_from_entries', format('account %s', coalesce(b.account_id, e.account_id)),
         format('balance %s, entries %s', coalesce(b.amount, 0), coalesce(e.amount, 0))
  FROM (SELECT account_id, sum(amount) AS amount FROM ledger.balance GROUP BY account_id) b
  FULL JOIN (SELECT account_id, sum(amount) AS amount FROM ledger.entry GROUP BY account_id) e
    ON e.account_id = b.account_id
  WHERE coalesce(b.amount, 0) <> coalesce(e.amount, 0)
  UNION ALL
  SELECT 'guarded_balance_negative', format('account %s shard %s', b.account_id, b.shard), format('balance %s', b.amount)
  FROM ledger.balance b JOIN ledger.account a ON a.id = b.account_id JOIN ledger.account_kind k ON k.kind = a.kind
  WHERE k.guarded AND b.amount < 0
  UNION ALL
  SELECT 'balance_shards_wrong', format('account %s', a.id),
         format('%s shards, %s guarded, of a kind with %s, guarded %s', count(b.shard),
                count(*) FILTER (WHERE b.guarded), k.shards, k.guarded)
  FROM ledger.account a JOIN ledger.account_kind k ON k.kind = a.kind LEFT JOIN ledger.balance b ON b.account_id = a.id
  GROUP BY a.id, k.shards, k.guarded
  HAVING count(b.shard) <> k.shards OR coalesce(max(b.shard), -1) <> k.shards - 1
      OR count(*) FILTER (WHERE b.guarded IS DISTINCT FROM k.guarded) > 0
  UNION ALL
  SELECT 'books_unbalanced', a.currency, format('all balances sum to %s', sum(b.amount))
  FROM ledger.balance b JOIN ledger.account a ON a.id = b.account_id
  GROUP BY a.currency
  HAVING sum(b.amount) <> 0
$$;

GRANT EXECUTE ON FUNCTION ledger.post(text, bytea, text, text[], bytea[], bigint[]), ledger.balance_of(text, bytea, text)
  TO cafe_withdrawal, cafe_deposit, cafe_recovery, cafe_settlement, cafe_operator;
GRANT EXECUTE ON FUNCTION ledger.audit() TO cafe_operator;
