import Testing

/// All model tests, on the fixtures of `scripts/oracle/make_model_fixtures.py`.
@Suite struct ModelTests {}
