-- The coin store at size: a narrower row for each spent slot, one index a partition, and a loader for load tests.

-- Spent slots --------------------------------------------------------------------------------------------------------

-- A row takes 172 bytes with its line pointer: wide columns stand first and nothing is padded, d ‖ r1 ‖ r2 share one
-- length byte, and the batch and the position in it share one integer. Storage is EXTERNAL because PLAIN would take
-- from each bytea its one-byte header and align it. A row is far below the size at which anything is moved out of it.
--
-- The partition key is the calendar month of the deposit deadline. A coin's denomination fixes its deadline, so all of
-- a coin lies in one partition, and (coin_id, slot) is unique in each: that is why the index is the partitions' own and
-- need not hold the month, as an index of the whole table would have to.
ALTER TABLE coinstore.spent RENAME TO spent_wide;
ALTER INDEX coinstore.spent_pkey RENAME TO spent_wide_pkey;

CREATE TABLE coinstore.spent (
  place    bigint   NOT NULL CHECK (place >= 0),         -- batch · 2^17 + position: where the payment is archived
  month    smallint NOT NULL,                            -- coinstore.month_of(the denomination's deposit deadline)
  slot     smallint NOT NULL CHECK (slot BETWEEN 0 AND 63),
  coin_id  bytea    NOT NULL CHECK (octet_length(coin_id) = 32),
  trace    bytea    NOT NULL CHECK (octet_length(trace) = 96)  -- d ‖ r1 ‖ r2
) PARTITION BY LIST (month);
ALTER TABLE coinstore.spent ALTER COLUMN coin_id SET STORAGE EXTERNAL, ALTER COLUMN trace SET STORAGE EXTERNAL;
REVOKE UPDATE, DELETE ON coinstore.spent FROM cafe_doublespend;

-- Calendar months (UTC) since January 1970.
CREATE FUNCTION coinstore.month_of(deposit_until bigint) RETURNS smallint
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (12 * (extract(year FROM to_timestamp(deposit_until) AT TIME ZONE 'UTC') - 1970)
          + extract(month FROM to_timestamp(deposit_until) AT TIME ZONE 'UTC') - 1)::smallint;

CREATE FUNCTION coinstore.batch_of(place bigint) RETURNS bigint
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN place >> 17;
CREATE FUNCTION coinstore.position_of(place bigint) RETURNS integer
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN (place & 131071)::integer;
GRANT EXECUTE ON FUNCTION coinstore.month_of(bigint), coinstore.batch_of(bigint), coinstore.position_of(bigint)
  TO cafe_operator;

-- Partitions ------------------------------------------------------------------------------------------------------------

-- What a partition is called and which deadlines it holds; keep_until is the end of its month.
CREATE FUNCTION coinstore.partition_for(p_deposit_until bigint) RETURNS coinstore.partition
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  month timestamp := date_trunc('month', to_timestamp(p_deposit_until) AT TIME ZONE 'UTC');
  entry coinstore.partition;
BEGIN
  entry.name := 'spent_' || to_char(month, 'YYYYMM');
  entry.range_from := extract(epoch FROM month AT TIME ZONE 'UTC');
  entry.range_until := extract(epoch FROM (month + interval '1 month') AT TIME ZONE 'UTC');
  entry.keep_until := entry.range_until;
  RETURN entry;
END
$$;

CREATE FUNCTION coinstore.check_dates(p_deposit_until bigint, p_claim_until bigint) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_deposit_until IS NULL OR p_claim_until IS NULL OR p_deposit_until NOT BETWEEN 1 AND 64060588799
     OR p_claim_until NOT BETWEEN p_deposit_until AND 64060588799 THEN
    RAISE EXCEPTION 'BAD_DATES: a coin is deposited before it is claimed, both before the year 4000'
      USING ERRCODE = 'CF003';
  END IF;
END
$$;

-- A table for one month, apart from the others. The check on its month spares ATTACH PARTITION a scan of it.
CREATE FUNCTION coinstore.create_leaf(p_name text, p_month smallint) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE TABLE coinstore.%I (LIKE coinstore.spent INCLUDING CONSTRAINTS INCLUDING STORAGE, '
                 'CONSTRAINT one_month CHECK (month IS NOT NULL AND month = %s)) WITH (fillfactor = 100)',
                 p_name, p_month);
  EXECUTE format('REVOKE ALL ON coinstore.%I FROM cafe_doublespend', p_name);
END
$$;

-- Makes a table that create_leaf made the partition of its month.
CREATE FUNCTION coinstore.attach_leaf(p_table text, p_month smallint, p_entry coinstore.partition) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_table <> p_entry.name THEN
    EXECUTE format('ALTER TABLE coinstore.%I RENAME TO %I', p_table, p_entry.name);
    EXECUTE format('ALTER INDEX coinstore.%I RENAME TO %I', p_table || '_slot', p_entry.name || '_slot');
  END IF;
  EXECUTE format('ALTER TABLE coinstore.spent ATTACH PARTITION coinstore.%I FOR VALUES IN (%s)', p_entry.name, p_month);
  EXECUTE format('ALTER TABLE coinstore.%I DROP CONSTRAINT one_month', p_entry.name);
END
$$;

CREATE FUNCTION coinstore.index_leaf(p_table text, p_fillfactor integer) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE UNIQUE INDEX %I ON coinstore.%I (coin_id, slot) WITH (fillfactor = %s)',
                 p_table || '_slot', p_table, p_fillfactor);
END
$$;

REVOKE EXECUTE ON FUNCTION coinstore.partition_for(bigint), coinstore.check_dates(bigint, bigint),
  coinstore.create_leaf(text, smallint), coinstore.index_leaf(text, integer),
  coinstore.attach_leaf(text, smallint, coinstore.partition) FROM cafe_doublespend;

-- Makes sure that rows with this deposit deadline have a partition that is kept until p_claim_until. Any number may call
-- it at once. To be called in a transaction that has written nothing: it waits for others that change partitions.
CREATE OR REPLACE FUNCTION coinstore.ensure_partition(p_deposit_until bigint, p_claim_until bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  entry   coinstore.partition;
  month   smallint;
BEGIN
  PERFORM coinstore.check_dates(p_deposit_until, p_claim_until);
  entry := coinstore.partition_for(p_deposit_until);
  month := coinstore.month_of(p_deposit_until);
  entry.keep_until := greatest(p_claim_until, entry.keep_until);

  PERFORM coinstore.lock_partitions();
  UPDATE coinstore.partition p SET keep_until = greatest(p.keep_until, entry.keep_until)
    WHERE p.name = entry.name AND p.dropped_at IS NULL;
  IF FOUND THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM coinstore.partition p WHERE p.name = entry.name) THEN
    RAISE EXCEPTION 'RETENTION_OVER: spends of coins with this deposit deadline are no longer kept'
      USING ERRCODE = 'CF001';
  END IF;
  -- Created apart and then attached: that does not lock out those who are inserting into other months.
  PERFORM coinstore.create_leaf(entry.name, month);
  PERFORM coinstore.index_leaf(entry.name, 90);
  PERFORM coinstore.attach_leaf(entry.name, month, entry);
  INSERT INTO coinstore.partition (name, range_from, range_until, keep_until)
    VALUES (entry.name, entry.range_from, entry.range_until, entry.keep_until);
END
$$;

-- Carries the rows over, month by month; the new index refuses a coin that had two deadlines in one month.
DO $$
DECLARE
  entry  coinstore.partition;
  month  smallint;
BEGIN
  FOR entry IN SELECT * FROM coinstore.partition p WHERE p.dropped_at IS NULL ORDER BY p.range_from LOOP
    month := coinstore.month_of(entry.range_from);
    EXECUTE format('ALTER TABLE coinstore.%I RENAME TO %I', entry.name, entry.name || '_wide');
    PERFORM coinstore.create_leaf(entry.name, month);
    EXECUTE format('INSERT INTO coinstore.%I (place, month, slot, coin_id, trace) '
                   'SELECT (batch << 17) | position, %s, slot, coin_id, d || r1 || r2 FROM coinstore.%I',
                   entry.name, month, entry.name || '_wide');
    PERFORM coinstore.index_leaf(entry.name, 90);
    PERFORM coinstore.attach_leaf(entry.name, month, entry);
  END LOOP;
END
$$;
DROP TABLE coinstore.spent_wide;

-- Rows for load tests ----------------------------------------------------------------------------------------------------

-- A load test may ask for many stored rows before it starts. They are made here, as fast as the server writes: into a
-- table of its own that gets its index at the end and then becomes the partition of its month. For the owner only.
--
--   SELECT coinstore.preload_begin(deposit_until, claim_until);           -- once for a month; again does nothing
--   SELECT coinstore.preload_fill(deposit_until, first, count);           -- any number at once, for disjoint ranges
--   SELECT coinstore.preload_finish(deposit_until);                       -- the number of rows; again does nothing
--   VACUUM (ANALYZE, PARALLEL 0) coinstore.spent_YYYYMM;                  -- as autovacuum would in its own time
--
-- Row i has coin id sha256('cafe/v1/preloaded' ‖ u16 month ‖ u64 i), big-endian, slot 0, and stands in the last batch,
-- 2^46 - 1, which Record refuses; so the audit can tell them, and none is taken for a payment. A range that is there
-- already is left alone, so that an interrupted load goes on; errors: BAD_DATES, BAD_RANGE, RANGE_OVERLAPS,
-- NOT_BEGUN, and PARTITION_EXISTS for a month that has a partition already.
CREATE TABLE coinstore.preload (
  month        smallint NOT NULL,
  range_from   bigint   NOT NULL CHECK (range_from >= 0),
  range_until  bigint   NOT NULL CHECK (range_until > range_from),
  PRIMARY KEY (month, range_from)
);
CREATE TABLE coinstore.preload_month (
  month        smallint PRIMARY KEY,
  claim_until  bigint   NOT NULL,
  finished_at  timestamptz
);
REVOKE INSERT, UPDATE, DELETE ON coinstore.preload, coinstore.preload_month FROM cafe_doublespend;

CREATE FUNCTION coinstore.preloaded_coin(p_month smallint, p_number bigint) RETURNS bytea
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN sha256('cafe/v1/preloaded'::bytea || int2send(p_month) || int8send(p_number));
GRANT EXECUTE ON FUNCTION coinstore.preloaded_coin(smallint, bigint) TO cafe_operator;

CREATE FUNCTION coinstore.preload_begin(p_deposit_until bigint, p_claim_until bigint) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  the_month  smallint;
  entry      coinstore.partition;
BEGIN
  PERFORM coinstore.check_dates(p_deposit_until, p_claim_until);
  the_month := coinstore.month_of(p_deposit_until);
  entry := coinstore.partition_for(p_deposit_until);
  PERFORM coinstore.lock_partitions();
  IF EXISTS (SELECT FROM coinstore.preload_month m WHERE m.month = the_month) THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM coinstore.partition p WHERE p.name = entry.name) THEN
    RAISE EXCEPTION 'PARTITION_EXISTS: rows with this deposit deadline are stored already; take another month'
      USING ERRCODE = 'CF001';
  END IF;
  PERFORM coinstore.create_leaf('preload_' || the_month, the_month);
  INSERT INTO coinstore.preload_month (month, claim_until) VALUES (the_month, p_claim_until);
END
$$;

-- Rows p_first to p_first + p_count - 1, in one transaction. The number of rows written.
CREATE FUNCTION coinstore.preload_fill(p_deposit_until bigint, p_first bigint, p_count bigint) RETURNS bigint
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  the_month  smallint := coinstore.month_of(p_deposit_until);
BEGIN
  IF p_first IS NULL OR p_first < 0 OR p_count IS NULL OR p_count NOT BETWEEN 1 AND 100000000 THEN
    RAISE EXCEPTION 'BAD_RANGE: first is 0 or more, count 1 to 100,000,000' USING ERRCODE = 'CF003';
  END IF;
  -- Keeps preload_finish waiting until this range is in.
  PERFORM FROM coinstore.preload_month m WHERE m.month = the_month AND m.finished_at IS NULL FOR SHARE;
  IF NOT FOUND THEN
    IF EXISTS (SELECT FROM coinstore.preload p
               WHERE p.month = the_month AND p.range_from = p_first AND p.range_until = p_first + p_count) THEN
      RETURN 0;
    END IF;
    RAISE EXCEPTION 'NOT_BEGUN: call preload_begin first; what is finished takes no more rows' USING ERRCODE = 'CF001';
  END IF;
  INSERT INTO coinstore.preload (month, range_from, range_until) VALUES (the_month, p_first, p_first + p_count)
    ON CONFLICT DO NOTHING;
  IF NOT FOUND AND EXISTS (SELECT FROM coinstore.preload p
                           WHERE p.month = the_month AND p.range_from = p_first AND p.range_until = p_first + p_count)
  THEN
    RETURN 0;
  END IF;
  -- Ranges that are filled at the same time and overlap are found by the index, in preload_finish.
  IF EXISTS (SELECT FROM coinstore.preload p WHERE p.month = the_month AND p.range_from < p_first + p_count
             AND p.range_until > p_first AND (p.range_from, p.range_until) <> (p_first, p_first + p_count)) THEN
    RAISE EXCEPTION 'RANGE_OVERLAPS: some of these rows are there already' USING ERRCODE = 'CF001';
  END IF;
  -- The length of the coin id's part of the hash is fixed, so the constant prefix is joined once for all rows. Scalars
  -- are canonical: their first byte is zero.
  EXECUTE format(
    'INSERT INTO coinstore.%I (place, month, slot, coin_id, trace) '
    'SELECT $1 | (i & 131071), $2, 0, c.coin_id, c.scalar || c.scalar || c.scalar '
    'FROM generate_series($3, $4) AS i '
    'CROSS JOIN LATERAL (SELECT sha256($5 || int8send(i)) AS coin_id OFFSET 0) h '
    'CROSS JOIN LATERAL (SELECT h.coin_id, set_byte(h.coin_id, 0, 0) AS scalar OFFSET 0) c',
    'preload_' || the_month)
    USING ((1::bigint << 46) - 1) << 17, the_month, p_first, p_first + p_count - 1,
          'cafe/v1/preloaded'::bytea || int2send(the_month);
  RETURN p_count;
END
$$;

-- Builds the index, as full as random inserts leave one, and makes the table the partition of its month.
CREATE FUNCTION coinstore.preload_finish(p_deposit_until bigint) RETURNS bigint
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '1GB' AS $$
DECLARE
  entry      coinstore.partition;
  the_month  smallint := coinstore.month_of(p_deposit_until);
  state      coinstore.preload_month;
  total      bigint;
BEGIN
  entry := coinstore.partition_for(p_deposit_until);
  SELECT * INTO state FROM coinstore.preload_month m WHERE m.month = the_month FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'NOT_BEGUN: call preload_begin first' USING ERRCODE = 'CF001';
  END IF;
  SELECT coalesce(sum(p.range_until - p.range_from), 0) INTO total FROM coinstore.preload p WHERE p.month = the_month;
  IF state.finished_at IS NOT NULL THEN
    RETURN total;
  END IF;
  entry.keep_until := greatest(entry.keep_until, state.claim_until);
  PERFORM coinstore.index_leaf('preload_' || the_month, 70);
  PERFORM coinstore.lock_partitions();
  IF EXISTS (SELECT FROM coinstore.partition p WHERE p.name = entry.name) THEN
    RAISE EXCEPTION 'PARTITION_EXISTS: rows with this deposit deadline were recorded meanwhile; drop coinstore.%',
      'preload_' || the_month USING ERRCODE = 'CF001';
  END IF;
  PERFORM coinstore.attach_leaf('preload_' || the_month, the_month, entry);
  INSERT INTO coinstore.partition (name, range_from, range_until, keep_until)
    VALUES (entry.name, entry.range_from, entry.range_until, entry.keep_until);
  UPDATE coinstore.preload_month m SET finished_at = now() WHERE m.month = the_month;
  RETURN total;
END
$$;

REVOKE EXECUTE ON FUNCTION coinstore.preload_begin(bigint, bigint), coinstore.preload_fill(bigint, bigint, bigint),
  coinstore.preload_finish(bigint) FROM cafe_doublespend;
