"""People in: the files that a school's management information system (MIS) exports, taken over row by row.

``people`` is the order of it all, and the one to begin with. The way of a row:

1. **A file becomes rows of cells** (``tables.Source``). ``formats`` asks each reader in turn: ``ctf`` (with
   ``xmlnodes``), ``wonde`` (with ``jsonmaps``), ``oneroster`` and ``sds`` (with ``sds_old``), else ``sheets`` for CSV;
   ``unknown`` says what is wrong with what none of them knows.
   The two rosters share ``bundles`` (folder or ZIP), ``manifests``, ``parts`` (one file of it), ``roster`` and ``ties``
   (who is who, in a ``scratch`` database). ``headings`` says what each column is, by ``aliases.toml`` and ``mapping``.
2. **A row becomes what it says**: ``rows`` and ``cells`` (one cell), ``letters`` (names that lost letters), ``entries``
   (pupil, contact, phones), ``bars`` (court orders).
3. **What it says goes into the tables**: ``merging`` (with ``tying``, ``settling``, ``targets``; ``known`` and
   ``identity`` say who is the same), one ``job`` for each file. ``confirmed`` and ``conflicts``: what no file decides
   alone. ``seen`` marks what was mentioned, ``ledger`` writes down every row that is written.
4. **What the files no longer mention**: ``carrying`` (bars) and ``heirs`` (a family's word) under new ids, ``listing``
   what a file lists in full, ``leaving``.
5. **What came of it**: ``report``, ``stops`` (a mass change), ``diff``, ``runs`` (the imports there were), ``undo``
   (with ``remains``, what outlives it).
"""
