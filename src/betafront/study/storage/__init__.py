"""How a study is kept: Optuna's tables in SQLite or PostgreSQL."""
