-- Orders of different accounts that share a transaction: what 0008_order_statements.sql did for one order, for many at
-- once. A statement, a look-up of the lineage and a commit cost the same for one order as for fifty.

-- The ledger ----------------------------------------------------------------------------------------------------------

-- Posts many movements of one kind: posting i has p_references[i] and p_currencies[i]; line j belongs to posting
-- p_postings[j] and moves p_amounts[j] on the account (p_kinds[j], p_owners[j]). It checks what ledger.post checks and
-- fails as a whole. A posting that was posted before with the same lines changes nothing.
--
-- Balances are judged by what all postings together change, and each balance is written once. Their rows are locked in
-- ascending (currency, account, shard) before any is written, as a caller of ledger.post who goes currency by currency
-- locks them. A guarded account that is spread over shards and loses needs all
-- of them, so these are locked: who posts many such debits at a time is better served by ledger.post.
CREATE FUNCTION ledger.post_all(p_kind text, p_references bytea[], p_currencies text[], p_postings bigint[],
                                p_kinds text[], p_owners bytea[], p_amounts bigint[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  postings CONSTANT integer := coalesce(cardinality(p_references), 0);
  lines CONSTANT integer := coalesce(cardinality(p_amounts), 0);
  -- Superusers and owners pass: they could grant it to themselves.
  unlimited CONSTANT boolean := pg_has_role(session_user, 'cafe_owner', 'MEMBER');
  most CONSTANT numeric := 9223372036854775807;
  added bigint;
  ids bigint[];       -- of the postings; NULL for what was posted before
  accounts bigint[];  -- of the lines
  -- What changes: the accounts in ascending order, by how much, which of their shards.
  changed bigint[];
  changes numeric[];
  first_shards integer[];
  last_shards integer[];
  written bigint[];
  line record;
BEGIN
  -- What is given makes sense.
  IF postings NOT BETWEEN 1 AND 1000 OR lines NOT BETWEEN 2 AND 10000
     OR cardinality(p_currencies) IS DISTINCT FROM postings OR cardinality(p_postings) IS DISTINCT FROM lines
     OR cardinality(p_kinds) IS DISTINCT FROM lines OR cardinality(p_owners) IS DISTINCT FROM lines
     -- Element i is what is meant by i.
     OR array_ndims(p_references) <> 1 OR array_ndims(p_currencies) <> 1 OR array_ndims(p_postings) <> 1
     OR array_ndims(p_kinds) <> 1 OR array_ndims(p_owners) <> 1 OR array_ndims(p_amounts) <> 1
     OR array_lower(p_references, 1) <> 1 OR array_lower(p_currencies, 1) <> 1
     OR array_position(p_references, NULL) IS NOT NULL OR array_position(p_currencies, NULL) IS NOT NULL
     OR array_position(p_postings, NULL) IS NOT NULL OR array_position(p_kinds, NULL) IS NOT NULL
     OR array_position(p_owners, NULL) IS NOT NULL OR array_position(p_amounts, NULL) IS NOT NULL
     OR p_kind IS NULL OR p_kind !~ '^[a-z_]{1,32}$'
     OR EXISTS (SELECT FROM unnest(p_references, p_currencies) AS p (reference, currency)
                WHERE p.currency !~ '^[A-Z]{3}$' OR octet_length(p.reference) NOT BETWEEN 1 AND 64)
     OR postings <> (SELECT count(DISTINCT r.reference) FROM unnest(p_references) AS r (reference)) THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: postings have a kind, references of 1 to 64 bytes that differ, ISO 4217 '
                                 'currencies and complete lines, at most 1,000 and 10,000 at a time');
  END IF;
  IF EXISTS (SELECT FROM unnest(p_postings) AS l (posting) WHERE l.posting NOT BETWEEN 1 AND postings)
     OR postings <> (SELECT count(*)
                     FROM (SELECT FROM unnest(p_postings, p_kinds, p_owners, p_amounts)
                                       AS l (posting, kind, owner, amount)
                           GROUP BY l.posting
                           HAVING count(*) >= 2 AND sum(l.amount) = 0
                              AND count(*) = count(DISTINCT (l.kind, l.owner))
                              AND bool_and(l.amount NOT IN (0, (-9223372036854775808)::bigint)
                                           AND octet_length(l.owner) <= 64)) AS good) THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: a posting has 2 lines or more, which name different accounts with owners '
                                 'of at most 64 bytes; their amounts are not zero, but their sum is');
  END IF;
  -- Its kinds exist, and the caller may move them that way.
  FOR line IN
    SELECT DISTINCT l.kind, l.amount < 0 AS debit FROM unnest(p_kinds, p_amounts) AS l (kind, amount)
  LOOP
    IF NOT EXISTS (SELECT FROM ledger.account_kind k WHERE k.kind = line.kind) THEN
      PERFORM ledger.fail('CF003', 'BAD_POSTING: each line names an account of a kind that exists');
    END IF;
    IF NOT unlimited AND NOT EXISTS (SELECT FROM ledger.permission p
                                     WHERE p.role = session_user AND p.kind = line.kind
                                       AND CASE WHEN line.debit THEN p.debit ELSE p.credit END) THEN
      PERFORM ledger.fail('CF006', format('POSTING_FORBIDDEN: role %s may not move %s accounts that way', session_user,
                                          line.kind));
    END IF;
  END LOOP;

  -- They are new, or the same as before. Concurrent postings of the same keys are waited for here, in one order.
  INSERT INTO ledger.posting (kind, reference)
  SELECT p_kind, r.reference FROM unnest(p_references) AS r (reference) ORDER BY r.reference
  ON CONFLICT (kind, reference) DO NOTHING;
  GET DIAGNOSTICS added = ROW_COUNT;
  SELECT array_agg(p.id ORDER BY r.item) INTO ids
  FROM unnest(p_references) WITH ORDINALITY AS r (reference, item)
  JOIN ledger.posting p ON p.kind = p_kind AND p.reference = r.reference;
  IF added < postings THEN
    FOR line IN
      SELECT r.item, r.reference, r.currency,
             (SELECT array_agg(l.kind ORDER BY l.i) FROM unnest(p_postings, p_kinds) WITH ORDINALITY AS l (posting, kind, i)
              WHERE l.posting = r.item) AS kinds,
             (SELECT array_agg(l.owner ORDER BY l.i) FROM unnest(p_postings, p_owners) WITH ORDINALITY AS l (posting, owner, i)
              WHERE l.posting = r.item) AS owners,
             (SELECT array_agg(l.amount ORDER BY l.i)
              FROM unnest(p_postings, p_amounts) WITH ORDINALITY AS l (posting, amount, i)
              WHERE l.posting = r.item) AS amounts
      FROM unnest(p_references, p_currencies, ids) WITH ORDINALITY AS r (reference, currency, id, item)
      -- One that was just added has none.
      WHERE (SELECT e.line FROM ledger.entry e WHERE e.posting_id = r.id LIMIT 1) IS NOT NULL
    LOOP
      -- Compares the lines and writes nothing.
      PERFORM ledger.post(p_kind, line.reference, line.currency, line.kinds, line.owners, line.amounts);
      ids[line.item] := NULL;
    END LOOP;
  END IF;

  FOR attempt IN 1 .. 2 LOOP
    SELECT array_agg(a.id ORDER BY l.item) INTO accounts
    FROM unnest(p_postings, p_kinds, p_owners) WITH ORDINALITY AS l (posting, kind, owner, item)
    LEFT JOIN ledger.account a ON a.kind = l.kind AND a.owner = l.owner AND a.currency = p_currencies[l.posting];
    EXIT WHEN array_position(accounts, NULL) IS NULL;
    -- Accounts that are named for the first time.
    WITH added AS (
      INSERT INTO ledger.account (kind, owner, currency)
      SELECT DISTINCT l.kind, l.owner, p_currencies[l.posting]
      FROM unnest(p_postings, p_kinds, p_owners, accounts) AS l (posting, kind, owner, account)
      WHERE l.account IS NULL
      ORDER BY 1, 2, 3
      ON CONFLICT DO NOTHING
      RETURNING id, kind)
    INSERT INTO ledger.balance (account_id, shard, guarded)
    SELECT added.id, s.shard, k.guarded
    FROM added JOIN ledger.account_kind k USING (kind) CROSS JOIN LATERAL generate_series(0, k.shards - 1) AS s (shard);
  END LOOP;

  INSERT INTO ledger.entry (posting_id, line, account_id, amount)
  SELECT ids[l.posting], row_number() OVER (PARTITION BY l.posting ORDER BY l.item), l.account, l.amount
  FROM unnest(p_postings, accounts, p_amounts) WITH ORDINALITY AS l (posting, account, amount, item)
  WHERE ids[l.posting] IS NOT NULL;

  SELECT array_agg(c.account ORDER BY c.currency, c.account), array_agg(c.change ORDER BY c.currency, c.account),
         array_agg(CASE WHEN c.spread THEN 0 ELSE c.own END ORDER BY c.currency, c.account),
         array_agg(CASE WHEN c.spread THEN c.shards - 1 ELSE c.own END ORDER BY c.currency, c.account)
  INTO changed, changes, first_shards, last_shards
  FROM (SELECT t.account, t.currency, t.change, k.shards, pg_backend_pid() % k.shards AS own,
               k.guarded AND k.shards > 1 AND t.change < 0 AS spread
        FROM (SELECT l.account, l.kind, p_currencies[l.posting] AS currency, sum(l.amount) AS change
              FROM unnest(p_postings, accounts, p_kinds, p_amounts) AS l (posting, account, kind, amount)
              WHERE ids[l.posting] IS NOT NULL
              GROUP BY 1, 2, 3) t
        JOIN ledger.account_kind k ON k.kind = t.kind
        WHERE t.change <> 0) c;
  PERFORM FROM unnest(changed, first_shards, last_shards) WITH ORDINALITY AS c (account, first_shard, last_shard, item)
    JOIN ledger.balance b ON b.account_id = c.account AND b.shard BETWEEN c.first_shard AND c.last_shard
    ORDER BY c.item, b.shard FOR NO KEY UPDATE OF b;
  -- A statement of its own, so that it sees what those whom the locks waited for have committed. Each shard keeps to its
  -- part of the range, so that the sum of all is a bigint too.
  WITH done AS (
    UPDATE ledger.balance b SET amount = (b.amount + c.change)::bigint
    FROM unnest(changed, changes, first_shards, last_shards) AS c (account, change, first_shard, last_shard),
         ledger.account a, ledger.account_kind k
    WHERE c.first_shard = c.last_shard AND b.account_id = c.account AND b.shard = c.first_shard
      AND a.id = c.account AND k.kind = a.kind
      AND b.amount + c.change BETWEEN CASE WHEN k.guarded THEN 0 ELSE -div(most, k.shards) END AND div(most, k.shards)
    RETURNING b.account_id)
  SELECT coalesce(array_agg(done.account_id), '{}') INTO written FROM done;
  FOR line IN
    SELECT c.account, c.change, a.kind, k.shards, k.guarded, k.short_reason
    FROM unnest(changed, changes) WITH ORDINALITY AS c (account, change, item)
    JOIN ledger.account a ON a.id = c.account JOIN ledger.account_kind k ON k.kind = a.kind
    WHERE coalesce(cardinality(changed), 0) > cardinality(written) AND c.account <> ALL (written)
    ORDER BY c.item
  LOOP
    -- What is left is spread over shards, or cannot be.
    IF NOT line.guarded OR line.change > 0 THEN
      PERFORM ledger.fail('CF001', 'BALANCE_OVERFLOW: the account would hold more than a balance can express');
    ELSIF (CASE WHEN line.shards = 1 OR -line.change > most THEN true
                ELSE NOT ledger.take(line.account, line.shards, (-line.change)::bigint) END) THEN
      PERFORM ledger.fail('CF001', format('%s: the %s account holds less than the %s that %s takes from it',
                                          line.short_reason, line.kind, -line.change, p_kind));
    END IF;
  END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION ledger.post_all(text, bytea[], text[], bigint[], text[], bytea[], bigint[])
  TO cafe_withdrawal, cafe_deposit, cafe_recovery, cafe_settlement, cafe_operator;

-- Orders --------------------------------------------------------------------------------------------------------------

-- The first currency of which the account's customer holds less than wanted, in records of currency (3 bytes) ‖ u64;
-- NULL: none.
CREATE FUNCTION withdrawal.short_of(p_account_id bytea, p_wanted bytea) RETURNS text
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  currency text;
BEGIN
  FOR i IN 0 .. octet_length(p_wanted) / 11 - 1 LOOP
    currency := convert_from(substr(p_wanted, i * 11 + 1, 3), 'UTF8');
    IF ledger.balance_of('customer', p_account_id, currency) < cafe.u64_at(p_wanted, i * 11 + 3) THEN
      RETURN currency;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

ALTER FUNCTION withdrawal.present_lineage() ROWS 1;

-- Locks accounts, each named once, until the transaction ends, in ascending order; then tells what decides about order
-- p_ns[i] of account p_accounts[i] that was opened in time slot p_time_slots[i] and costs p_wanted[i]. Where p_wait is
-- false an account that is locked is left out; one that does not exist always is. What is read after locks were waited
-- for sees what those who held them have committed: each statement of a volatile function has a snapshot of its own.
-- The lineage and the stopped denominations are the same in all rows.
--
-- What is looked up for each order is a scalar subquery or a join: of EXISTS the planner would make a table of all voids.
CREATE FUNCTION withdrawal.lock_orders(p_accounts bytea[], p_ns bigint[], p_time_slots bigint[], p_wanted bytea[],
                                       p_wait boolean)
  RETURNS TABLE (item bigint, last_order bigint, closed boolean, void boolean, short_of text, system_identifier bigint,
                 timeline bigint, postmaster_start_us bigint, epoch bytea, stopped bytea, order_digest bytea,
                 completion bytea)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  locked bytea[];
BEGIN
  IF p_wait THEN
    SELECT array_agg(t.account_id) INTO locked
    FROM (SELECT a.account_id FROM withdrawal.account a
          WHERE a.account_id = ANY (p_accounts) ORDER BY a.account_id FOR NO KEY UPDATE) t;
  ELSE
    SELECT array_agg(t.account_id) INTO locked
    FROM (SELECT a.account_id FROM withdrawal.account a
          WHERE a.account_id = ANY (p_accounts) ORDER BY a.account_id FOR NO KEY UPDATE SKIP LOCKED) t;
  END IF;
  RETURN QUERY
    SELECT o.item, a.last_order, a.closed_at IS NOT NULL,
           coalesce((SELECT s.outcome = 'void' FROM withdrawal.order_slot s
                     WHERE s.account_id = o.account_id AND s.n = o.n AND s.time_slot = o.time_slot), false),
           withdrawal.short_of(o.account_id, o.wanted),
           l.system_identifier, l.timeline, l.postmaster_start_us, l.epoch,
           (SELECT string_agg(d.denom_id, ''::bytea) FROM withdrawal.denomination_stop d),
           c.order_digest, c.completion
    FROM withdrawal.present_lineage() l
    CROSS JOIN unnest(p_accounts, p_ns, p_time_slots, p_wanted) WITH ORDINALITY AS o (account_id, n, time_slot, wanted, item)
    JOIN withdrawal.account a ON a.account_id = o.account_id
    LEFT JOIN withdrawal.completed_order c ON c.account_id = o.account_id AND c.n = o.n
    WHERE o.account_id = ANY (locked);
END
$$;

-- Records completions of different accounts, whose locks the caller holds: takes the slots' rows and (account, N), adds
-- the lines of line_accounts[j]'s order, and moves the heads of the accounts' chains from N - 1 to N. False when one of
-- them is not at N - 1.
CREATE FUNCTION withdrawal.record_completions(p_lineage bytea, p_accounts bytea[], p_ns bigint[], p_time_slots bigint[],
                                              p_order_digests bytea[], p_signed_orders bytea[], p_completions bytea[],
                                              p_line_accounts bytea[], p_line_ns bigint[], p_line_denoms bytea[],
                                              p_line_counts bigint[], p_line_values bigint[])
  RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moved bigint;
BEGIN
  INSERT INTO withdrawal.order_slot (account_id, n, time_slot, outcome)
  SELECT unnest(p_accounts), unnest(p_ns), unnest(p_time_slots), 'completed';
  INSERT INTO withdrawal.completed_order (account_id, n, time_slot, order_digest, lineage, signed_order, completion)
  SELECT unnest(p_accounts), unnest(p_ns), unnest(p_time_slots), unnest(p_order_digests), p_lineage,
         unnest(p_signed_orders), unnest(p_completions);
  INSERT INTO withdrawal.issued (account_id, n, denom_id, count, value)
  SELECT unnest(p_line_accounts), unnest(p_line_ns), unnest(p_line_denoms), unnest(p_line_counts)::integer,
         unnest(p_line_values);
  UPDATE withdrawal.account a SET last_order = o.n
  FROM unnest(p_accounts, p_ns) AS o (account_id, n)
  WHERE a.account_id = o.account_id AND a.last_order = o.n - 1;
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved = cardinality(p_accounts);
END
$$;

-- A row of completed_order is random to a compressor, and seldom so large that it would not fit beside others of its
-- kind: out of line it would cost a second table and its index.
ALTER TABLE withdrawal.completed_order ALTER COLUMN signed_order SET STORAGE EXTERNAL,
                                       ALTER COLUMN completion SET STORAGE EXTERNAL;
ALTER TABLE withdrawal.completed_order SET (toast_tuple_target = 4096);

-- That it takes the slot's row says already that there is such an account: the slot's own key refers to it.
ALTER TABLE withdrawal.completed_order DROP CONSTRAINT completed_order_account_id_fkey;

-- What these took the place of.
DROP FUNCTION withdrawal.lock_order(bytea, bigint, bigint);
DROP FUNCTION withdrawal.record_completion(bytea, bigint, bigint, bytea, bytea, bytea, bytea, bytea);
