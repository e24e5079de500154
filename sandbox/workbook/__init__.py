"""What a spreadsheet is and does: cells, sheets, ranges, formulas, formats. No HTTP, no files, no clock of its own."""
