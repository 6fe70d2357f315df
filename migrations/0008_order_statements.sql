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
