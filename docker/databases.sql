-- Run by PostgreSQL's image when its volume is new, in the database `studies`, which it has made.
CREATE DATABASE mlflow;
CREATE DATABASE mlflow_auth;
