-- The function fixes no path: a temporary table of its name comes first, and its trigger runs as the owner.
-- request role: tn405_fault_app
-- declare: tenant api.items tenant_id
-- declare: internal api.log
-- trust: api.note(text)
-- expect: error TN405 api.note(text)
-- leak: create temp table stolen (tenant_id uuid, name text);
--   grant all on stolen to public;
--   create temp table log (line text);
--   grant all on log to public;
--   create function pg_temp.steal() returns trigger language plpgsql as 'begin insert into pg_temp.stolen select tenant_id, name from api.items; return new; end';
--   create trigger steal before insert on log for each row execute function pg_temp.steal();
--   set app.current_tenant_id = '99999999-0000-4000-8000-000000000009';
--   select api.note('x');
--   select * from stolen

create role tn405_fault_app login password 'app';
create role tn405_fault_owner nologin;
create schema api authorization tn405_fault_owner;
grant usage on schema api to tn405_fault_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn405_fault_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
create policy tenant on api.items
    to tn405_fault_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn405_fault_app;
create table api.log (
    line text not null
);
alter table api.log owner to tn405_fault_owner;
create function api.note(line text)
returns void
language plpgsql
security definer
as $$
    begin
        insert into log (line) values (note.line);
    end
$$;
alter function api.note(text) owner to tn405_fault_owner;
