"""What a person does in a spreadsheet: typing, pasting, inserting, deleting, sorting, undoing. These edits fire
triggers; those of the API don't."""
