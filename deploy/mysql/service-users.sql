-- A database and a user for each service of a cluster named "hongyan": no service can read or write the tables of another.
-- Replace the passwords, and the name if the cluster has another (--cluster-name). Then, where each process has its own password:
--   --mysql-url 'mysql://hongyan_{service}:PASSWORD@127.0.0.1:3306'
-- An underscore in a grant stands for any letter unless it is escaped.

create database if not exists hongyan_timeline character set utf8mb4 collate utf8mb4_bin;
create user if not exists 'hongyan_timeline'@'%' identified by 'CHANGE-ME';
grant all privileges on `hongyan\_timeline`.* to 'hongyan_timeline'@'%';

create database if not exists hongyan_directory character set utf8mb4 collate utf8mb4_bin;
create user if not exists 'hongyan_directory'@'%' identified by 'CHANGE-ME';
grant all privileges on `hongyan\_directory`.* to 'hongyan_directory'@'%';

create database if not exists hongyan_access character set utf8mb4 collate utf8mb4_bin;
create user if not exists 'hongyan_access'@'%' identified by 'CHANGE-ME';
grant all privileges on `hongyan\_access`.* to 'hongyan_access'@'%';

create database if not exists hongyan_devices character set utf8mb4 collate utf8mb4_bin;
create user if not exists 'hongyan_devices'@'%' identified by 'CHANGE-ME';
grant all privileges on `hongyan\_devices`.* to 'hongyan_devices'@'%';

create database if not exists hongyan_events character set utf8mb4 collate utf8mb4_bin;
create user if not exists 'hongyan_events'@'%' identified by 'CHANGE-ME';
grant all privileges on `hongyan\_events`.* to 'hongyan_events'@'%';
