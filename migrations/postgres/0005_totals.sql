-- What totals cost. Units as in 0003.

-- A change of columns that are in no index leaves all index entries of a row alone, where its page has room. Folders change
-- their totals with every delete below them, so no index may hold those, not even one that the folder is not in.
create index node_in_trash on node (account_id, kind, id) where state = 2;
drop index node_trashed;
alter index node_in_trash rename to node_trashed;

-- As it is, to_json hangs on the session's settings, so a function around it that claims not to is called for each row
-- instead of becoming part of the statement.
alter function json_quote(text) stable;
