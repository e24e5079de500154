"""Google's HTTP interface: requests and answers as Google words them, over the workbook core and the drive."""
