-- An order's way through the database in two statements instead of ten. They do what the service did one by one, in the
-- same order, under the same constraints and as the caller: each round trip is time in which the account is locked.

-- The incarnation of the database that this very statement runs in, and its newest epoch, NULL before one was drawn
-- (0004_withdrawal.sql).
CREATE FUNCTION withdrawal.present_lineage()
  RETURNS TABLE (system_identifier bigint, timeline bigint, postmaster_start_us bigint, epoch bytea)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- The timeline that is written to now stands in the name of the current WAL file; that of the last checkpoint lags
  -- behind a promotion.
  SELECT c.system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint,
         (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint
  INTO system_identifier, timeline, postmaster_start_us FROM pg_control_system() c;
  SELECT e.epoch INTO epoch FROM withdrawal.lineage_epoch e
  WHERE e.system_identifier = present_lineage.system_identifier AND e.timeline = present_lineage.timeline
    AND e.postmaster_start_us = present_lineage.postmaster_start_us
  ORDER BY e.generation DESC LIMIT 1;
  RETURN NEXT;
END
$$;

-- Locks an account until the transaction ends, then tells what decides about order p_n of it that was opened in
-- p_time_slot. No row: there is no such account. What is read after the lock was waited for sees what those who held it
-- have committed: each statement of a volatile function has a snapshot of its own.
CREATE FUNCTION withdrawal.lock_order(p_account_id bytea, p_n bigint, p_time_slot bigint)
  RETURNS TABLE (last_order bigint, closed boolean, order_digest bytea, completion bytea, void boolean,
                 system_identifier bigint, timeline bigint, postmaster_start_us bigint, epoch bytea, stopped bytea)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT a.last_order, a.closed_at IS NOT NULL INTO last_order, closed
  FROM withdrawal.account a WHERE a.account_id = p_account_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT lock_order.last_order, lock_order.closed, c.order_digest, c.completion,
           EXISTS (SELECT FROM withdrawal.order_slot s
                   WHERE s.account_id = p_account_id AND s.n = p_n AND s.time_slot = p_time_slot
                     AND s.outcome = 'void'),
           l.system_identifier, l.timeline, l.postmaster_start_us, l.epoch,
           (SELECT string_agg(d.denom_id, ''::bytea) FROM withdrawal.denomination_stop d)
    FROM withdrawal.present_lineage() l
    LEFT JOIN withdrawal.completed_order c ON c.account_id = p_account_id AND c.n = p_n;
END
$$;

-- Records a completion: takes the slot's row and (account, N), adds the lines, records of denom_id ‖ u32 count ‖
-- u64 value, and moves the head of the account's chain from N - 1 to N. False when it is not at N - 1.
CREATE FUNCTION withdrawal.record_completion(p_account_id bytea, p_n bigint, p_time_slot bigint, p_order_digest bytea,
                                             p_lineage bytea, p_signed_order bytea, p_completion bytea, p_lines bytea)
  RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO withdrawal.order_slot (account_id, n, time_slot, outcome)
  VALUES (p_account_id, p_n, p_time_slot, 'completed');
  INSERT INTO withdrawal.completed_order (account_id, n, time_slot, order_digest, lineage, signed_order, completion)
  VALUES (p_account_id, p_n, p_time_slot, p_order_digest, p_lineage, p_signed_order, p_completion);
  INSERT INTO withdrawal.issued (account_id, n, denom_id, count, value)
  SELECT p_account_id, p_n, substr(p_lines, i * 44 + 1, 32), cafe.u32_at(p_lines, i * 44 + 32)::integer,
         cafe.u64_at(p_lines, i * 44 + 36)
  FROM generate_series(0, octet_length(p_lines) / 44 - 1) AS i;
  UPDATE withdrawal.account a SET last_order = p_n WHERE a.account_id = p_account_id AND a.last_order = p_n - 1;
  RETURN FOUND;
END
$$;

-- The ledger ----------------------------------------------------------------------------------------------------------

-- As before, but planned once a session and not at each call.
CREATE OR REPLACE FUNCTION ledger.balance_of(p_kind text, p_owner bytea, p_currency text) RETURNS bigint
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (SELECT coalesce(sum(b.amount), 0)::bigint
          FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
          WHERE a.kind = p_kind AND a.owner = p_owner AND a.currency = p_currency);
END
$$;

-- As before, but posting by posting through the index. The planner, who does not know how few rows a statement adds,
-- read the whole table for each posting.
CREATE OR REPLACE FUNCTION ledger.check_entries() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong bigint;
BEGIN
  SELECT p.posting_id INTO wrong
  FROM (SELECT DISTINCT posting_id FROM added) p,
       LATERAL (SELECT sum(e.amount) AS total, count(*) AS lines, count(a.id) AS accounts,
                       count(DISTINCT a.currency) AS currencies
                FROM ledger.entry e LEFT JOIN ledger.account a ON a.id = e.account_id
                WHERE e.posting_id = p.posting_id) s
  WHERE s.total <> 0 OR s.currencies <> 1 OR s.accounts <> s.lines
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'POSTING_UNBALANCED: the lines of posting % do not sum to zero in one currency on known accounts', wrong
      USING ERRCODE = 'CF003';
  END IF;
  RETURN NULL;
END
$$;

-- As before, with fewer statements: what concerns one line is looked at line by line, which for the two or three lines
-- that a posting usually has costs less than a query over all of them.
CREATE OR REPLACE FUNCTION ledger.post(p_kind text, p_reference bytea, p_currency text, p_kinds text[], p_owners bytea[],
                                       p_amounts bigint[]) RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lines CONSTANT integer := coalesce(cardinality(p_amounts), 0);
  -- Superusers and owners pass: they could grant it to themselves.
  unlimited CONSTANT boolean := pg_has_role(session_user, 'cafe_owner', 'MEMBER');
  posting bigint;
  account bigint;
  accounts bigint[];
  total numeric := 0;
  allowed boolean;
  different boolean;
  line record;
BEGIN
  -- What is given makes sense.
  IF lines NOT BETWEEN 2 AND 10000 OR cardinality(p_kinds) IS DISTINCT FROM lines
     OR cardinality(p_owners) IS DISTINCT FROM lines
     -- Line i is element i: arrays that count from elsewhere would be checked in other places than they are posted.
     OR array_ndims(p_amounts) <> 1 OR array_ndims(p_kinds) <> 1 OR array_ndims(p_owners) <> 1
     OR array_lower(p_amounts, 1) <> 1 OR array_lower(p_kinds, 1) <> 1 OR array_lower(p_owners, 1) <> 1
     OR array_position(p_amounts, NULL) IS NOT NULL OR array_position(p_kinds, NULL) IS NOT NULL
     OR array_position(p_owners, NULL) IS NOT NULL
     OR p_kind IS NULL OR p_kind !~ '^[a-z_]{1,32}$' OR p_currency IS NULL OR p_currency !~ '^[A-Z]{3}$'
     OR p_reference IS NULL OR octet_length(p_reference) NOT BETWEEN 1 AND 64 THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: a posting has a kind, a reference of 1 to 64 bytes, an ISO 4217 '
                                 'currency and 2 to 10,000 complete lines');
  END IF;
  FOR i IN 1 .. lines LOOP
    IF coalesce(p_amounts[i], 0) = 0 OR p_amounts[i] = (-9223372036854775808)::bigint THEN
      PERFORM ledger.fail('CF003', 'BAD_POSTING: the amounts of a posting are not zero, but their sum is');
    END IF;
    total := total + p_amounts[i];
  END LOOP;
  IF total IS DISTINCT FROM 0 THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: the amounts of a posting are not zero, but their sum is');
  END IF;
  IF (CASE WHEN lines = 2 THEN p_kinds[1] = p_kinds[2] AND p_owners[1] = p_owners[2]
           ELSE lines <> (SELECT count(*) FROM (SELECT DISTINCT kind, owner
                                                FROM unnest(p_kinds, p_owners) AS t (kind, owner)) d) END) THEN
    PERFORM ledger.fail('CF003', 'BAD_POSTING: each line names another account, of a kind that exists, with an owner '
                                 'of at most 64 bytes');
  END IF;
  -- Its kinds exist, and the caller may move them that way.
  FOR i IN 1 .. lines LOOP
    IF octet_length(p_owners[i]) > 64 OR NOT EXISTS (SELECT FROM ledger.account_kind k WHERE k.kind = p_kinds[i]) THEN
      PERFORM ledger.fail('CF003', 'BAD_POSTING: each line names another account, of a kind that exists, with an owner '
                                   'of at most 64 bytes');
    END IF;
    CONTINUE WHEN unlimited;
    SELECT CASE WHEN p_amounts[i] < 0 THEN p.debit ELSE p.credit END INTO allowed
    FROM ledger.permission p WHERE p.role = session_user AND p.kind = p_kinds[i];
    IF allowed IS NOT TRUE THEN
      PERFORM ledger.fail('CF006', format('POSTING_FORBIDDEN: role %s may not move %s accounts that way', session_user,
                                          p_kinds[i]));
    END IF;
  END LOOP;

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

  FOR attempt IN 1 .. 2 LOOP
    accounts := '{}';
    FOR i IN 1 .. lines LOOP
      SELECT a.id INTO account FROM ledger.account a
      WHERE a.kind = p_kinds[i] AND a.owner = p_owners[i] AND a.currency = p_currency;
      EXIT WHEN NOT FOUND;
      accounts := accounts || account;
    END LOOP;
    EXIT WHEN cardinality(accounts) = lines;
    -- Accounts that are named for the first time.
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
  END LOOP;

  INSERT INTO ledger.entry (posting_id, line, account_id, amount)
  SELECT posting, t.line, t.account_id, t.amount
  FROM unnest(accounts, p_amounts) WITH ORDINALITY AS t (account_id, amount, line);

  FOR line IN
    SELECT t.account_id, t.amount, t.kind, k.shards, k.guarded, k.short_reason
    FROM unnest(accounts, p_amounts, p_kinds) AS t (account_id, amount, kind)
    JOIN ledger.account_kind k ON k.kind = t.kind
    ORDER BY t.account_id
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
