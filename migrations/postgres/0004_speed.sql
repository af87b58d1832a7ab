-- What speed asks of the schema. Units as in 0003.

-- A text as JSON, as SQLite has it.
create function json_quote(text) returns text language sql immutable parallel safe as
$$ select to_json($1)::text $$;

-- A version's object has one row there, and each version is queued once: only objects that never became one may be
-- queued again. The queue is the busiest table, and an index over random keys the dearest of all.
alter table purge drop constraint purge_object_key_key;
create unique index purge_object on purge (object_key) where node_id = 0;
