"""Apps Scripts that are bound to a spreadsheet, run for real: a JavaScript engine, and the services that they use."""
