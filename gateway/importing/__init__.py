"""People in: the files that a school's management information system (MIS) exports, taken over row by row.

``aliases.toml`` headings as the systems spell them → ``headings`` what each column is → ``sheets`` files as rows of
cells → ``cells`` what one cell means → ``entries`` what one row says → ``merging`` into the tables → ``people`` the
order of it all.
"""
