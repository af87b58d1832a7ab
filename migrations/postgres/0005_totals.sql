-- What totals cost. Units as in 0003.

-- A row that changes no indexed column keeps its place and all its index entries. Folders change their totals with every
-- delete below them, so no index may hold those, not even one that the folder is not in.
drop index node_trashed;
create index node_trashed on node (account_id, kind, id) where state = 2;

-- As it is, to_json hangs on the session's settings, so a function around it that claims not to is called for each row
-- instead of becoming part of the statement.
alter function json_quote(text) stable;
