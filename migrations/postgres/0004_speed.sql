-- What speed asks of the schema. Units as in 0003.

-- A text as JSON, as SQLite has it.
create function json_quote(text) returns text language sql immutable parallel safe as
$$ select to_json($1)::text $$;

-- A version's object has one row there, and each version is queued once: only objects that never became one may be
-- queued again. The queue is the busiest table, and an index over random keys the dearest of all.
alter table purge drop constraint purge_object_key_key;
create unique index purge_object on purge (object_key) where node_id = 0;

-- Indexes for deletes and lists of any size: a mark moves as few rows of them as can be.

-- What lies in a folder: the live ones in the order of lists, where names are looked up too, and the others.
create index node_child on node (parent_id, kind, folded) where state = 1;
create index node_not_live on node (parent_id) where state <> 1;
drop index node_place;
drop index node_folded;
-- A list of an account's files looks at the folders that they lie in: a trashed one hides them.
drop index node_account;
create index node_account on node (account_id, id, parent_id) where kind = 'file' and state = 1;
-- What an account's trash comes to is summed up here.
drop index node_trashed;
create index node_trashed on node (account_id, kind, id, bytes) where state = 2;

-- Whole nodes stand before single versions in every list.
drop index trash_holder;
create index trash_holder on trash (holder_id, id) where version_id is null;
create index trash_version on trash (holder_id, id) where version_id is not null;
-- What another than the owner holds: seldom, and looked for from both sides.
drop index trash_owner;
create index trash_owner on trash (account_id, id) where holder_id <> account_id;
create index trash_foreign on trash (holder_id, account_id) where holder_id <> account_id;

-- How often files of its tree that were there before were shown again: what lists remember of hidden ones ends then.
alter table account add column shown_again bigint not null default 0;

-- Entries of whole nodes that it holds and has not emptied: lists say how many there are.
alter table account add column entries bigint not null default 0;
update account set entries = (select count(*) from trash t where t.holder_id = account.id and t.version_id is null
    and (t.id > account.emptied_to or t.spared >= account.emptied_to));

-- A reference is checked row by row here: five checks for each node that goes cost three times as much as all the rest
-- of its purge, and one for each entry of the queue a third of its mark. SQLite's schema keeps them, and the same code
-- is tested against it.
alter table version drop constraint version_node_id_fkey;
alter table edit_session drop constraint edit_session_node_id_fkey;
alter table trash drop constraint trash_node_id_fkey;
alter table share drop constraint share_node_id_fkey;
alter table link drop constraint link_node_id_fkey;
alter table purge drop constraint purge_account_id_fkey;
