-- The request role owns a sequence.
-- request role: tn104_fault_sequence_app
-- declare: tenant api.items tenant_id
-- expect: error TN104 tn104_fault_sequence_app
-- leak: alter sequence api.numbers restart;
--   select nextval('api.numbers')

create role tn104_fault_sequence_app login password 'app';
create role tn104_fault_sequence_owner nologin;
create schema api authorization tn104_fault_sequence_owner;
grant usage on schema api to tn104_fault_sequence_app;

create table api.items (
    tenant_id uuid not null,
    id int not null,
    name text not null,
    primary key (tenant_id, id)
);
alter table api.items owner to tn104_fault_sequence_owner;
insert into api.items (tenant_id, id, name)
values
    ('aaaaaaaa-0000-4000-8000-000000000001', 1, 'of tenant A'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 2, 'of tenant B');

alter table api.items enable row level security;
alter table api.items force row level security;
create policy tenant on api.items
    to tn104_fault_sequence_app
    using (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')::uuid));
grant select, insert, update, delete on api.items to tn104_fault_sequence_app;
create sequence api.numbers;
alter sequence api.numbers owner to tn104_fault_sequence_app;
