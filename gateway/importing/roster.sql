-- Who is who in an export of users, roles and links. Readers fill the tables; the views answer, in flat memory.
-- «part» is what a role comes to: pupil, family, other; or, with «was » before it, what the export takes away.

CREATE TABLE people (
    line INTEGER, at INTEGER, id TEXT, gone INTEGER, marked INTEGER, left_on TEXT, upn TEXT, forename TEXT,
    surname TEXT, known_as TEXT, year TEXT, mobile TEXT, phone TEXT, email TEXT, role TEXT, orgs TEXT, agents TEXT
);
CREATE TABLE roles (line INTEGER, person TEXT, part TEXT, relation TEXT, org TEXT, ends TEXT, main INTEGER, grade TEXT);
CREATE TABLE ties (line INTEGER, person TEXT, other TEXT, relation TEXT);
CREATE TABLE born (line INTEGER, person TEXT, day TEXT);
CREATE TABLE classes (line INTEGER, id TEXT, title TEXT, code TEXT, home INTEGER);
CREATE TABLE places (line INTEGER, person TEXT, class TEXT);
CREATE TABLE orgs (id TEXT, name TEXT);
CREATE TABLE sessions (ends TEXT);
-- What the ties come to. A contact who is not among the people was lost.
CREATE TABLE links (line INTEGER, pupil TEXT, contact TEXT, relation TEXT);

CREATE VIEW doubles AS
    SELECT b.rowid AS row, b.line, b.id FROM people a JOIN people b ON b.id = a.id AND b.rowid > a.rowid;

CREATE VIEW parts AS
    SELECT
        p.rowid AS row, p.line, p.id, p.gone,
        EXISTS (SELECT 1 FROM roles r WHERE r.person = p.id AND (r.part = 'pupil' OR p.gone AND r.part = 'was pupil'))
        AS pupil,
        EXISTS (SELECT 1 FROM roles r WHERE r.person = p.id AND (r.part = 'family' OR p.gone AND r.part = 'was family'))
        AS family,
        EXISTS (SELECT 1 FROM roles r WHERE r.person = p.id AND r.part NOT LIKE 'was %') AS known
    FROM people p;

CREATE VIEW titles AS
    SELECT DISTINCT e.person, c.title, c.home FROM places e JOIN classes c ON c.id = e.class ORDER BY c.title;

CREATE VIEW pupils AS
    SELECT
        p.rowid AS row, p.line, p.at, p.gone, p.id, p.upn, p.forename, p.surname, p.known_as, p.year, p.left_on,
        (SELECT day FROM born b WHERE b.person = p.id) AS born,
        (SELECT grade FROM roles r WHERE r.person = p.id AND r.part = 'pupil' AND grade <> ''
         ORDER BY main DESC, ends = '' DESC, ends DESC LIMIT 1) AS grade,
        (SELECT title FROM titles t WHERE t.person = p.id AND t.home LIMIT 1) AS form,
        (SELECT group_concat(title, ';') FROM titles t WHERE t.person = p.id AND NOT t.home) AS groups,
        -- The last day of the role that ends last. A role that ends with a session of the school ends for everybody:
        -- the pupil has not left, the export is of last year.
        (SELECT CASE WHEN last = '9999' OR last IN (SELECT ends FROM sessions) THEN '' ELSE last END FROM (
            SELECT max(coalesce(nullif(ends, ''), '9999')) AS last FROM roles r
            WHERE r.person = p.id AND r.part = 'pupil'
        )) AS ended
    FROM people p JOIN parts ON parts.row = p.rowid WHERE parts.pupil;

CREATE VIEW contacts AS
    SELECT
        p.rowid AS row, coalesce(p.line, 0) AS line, coalesce(p.at, 0) AS at, l.pupil, l.contact AS id, p.forename,
        p.surname, p.mobile, p.phone, p.email, 
        -- What the tie itself says, or else what the contact's role tells.
        coalesce(nullif(l.relation, ''), (
            SELECT max(relation) FROM roles r WHERE r.person = l.contact AND r.part = 'family'
        ), '') AS relation
    FROM links l LEFT JOIN people p ON p.id = l.contact AND NOT p.gone
        AND EXISTS (SELECT 1 FROM roles r WHERE r.person = p.id AND r.part = 'family');

-- A tie as the file has it, with what stands at its ends: «a» names «b».
CREATE VIEW pairs AS
    SELECT
        t.line, t.person, t.other, t.relation, a.pupil AS a_pupil, a.family AS a_family, b.id IS NOT NULL AS listed,
        coalesce(b.pupil, 0) AS b_pupil, coalesce(b.family, 0) AS b_family, coalesce(b.gone, 0) AS b_gone,
        coalesce(b.known, 0) AS b_known
    FROM ties t JOIN parts a ON a.id = t.person AND NOT a.gone LEFT JOIN parts b ON b.id = t.other;

CREATE VIEW fitting AS
    SELECT line, person AS pupil, other AS contact, relation FROM pairs WHERE a_pupil AND b_family AND NOT b_gone
    UNION ALL
    SELECT line, other, person, relation FROM pairs WHERE a_family AND b_pupil AND NOT b_gone;

-- Contacts of nobody.
CREATE VIEW loose AS
    SELECT line, id FROM parts p
    WHERE family AND NOT gone AND NOT EXISTS (SELECT 1 FROM links l WHERE l.contact = p.id);

CREATE VIEW schools AS
    SELECT coalesce(o.name, r.org) AS name, count(DISTINCT p.id) AS pupils
    FROM roles r JOIN people p ON p.id = r.person AND NOT p.gone LEFT JOIN orgs o ON o.id = r.org
    WHERE r.part = 'pupil' AND r.org <> '' AND (o.id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM orgs))
    GROUP BY r.org;
