-- What is called immutable around something that is only stable is called row by row; this way it becomes part of its
-- statement.
create or replace function json_quote(text) returns text language sql stable parallel safe as
$$ select to_json($1)::text $$;
