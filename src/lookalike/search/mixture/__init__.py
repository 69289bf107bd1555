"""A weighted mixture of measures: shape, colour and texture."""
