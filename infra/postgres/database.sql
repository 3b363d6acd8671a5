-- The database, its owner, and the users that the apps log in as. Run as a superuser: psql -f database.sql
-- Then, as the owner: DATABASE_URL=postgres://leasehold@…/leasehold npm run migrate
-- and at last the two GRANTs at the end of this file, because the migrations create the roles.
CREATE ROLE leasehold LOGIN CREATEROLE PASSWORD 'change-me';
CREATE DATABASE leasehold OWNER leasehold;
\connect leasehold
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE ROLE leasehold_registry LOGIN PASSWORD 'change-me';
CREATE ROLE leasehold_renderer LOGIN PASSWORD 'change-me';

-- After the migrations:
-- GRANT registry TO leasehold_registry;
-- GRANT renderer TO leasehold_renderer;
