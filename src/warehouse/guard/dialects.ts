/**
 * What the guard knows of each engine's SQL: how its text is cut, what may begin a statement, and which words and
 * functions do more than read. From the engines' manuals; the lists err on the side of refusing.
 */

import type { Dialect } from './guard.ts'

const WRITES = 'it belongs to statements that write'

/** PostgreSQL, manual, chapters 4.1 (lexical structure), 9 (functions), F (dblink, lo, file_fdw, adminpack). */
export const POSTGRES_DIALECT: Dialect = {
  title: 'PostgreSQL',
  lexicon: {
    lineComments: [/--/y],
    blockCommentsNest: true,
    backslash: 'after-e',
    strings: ["'"],
    names: ['"'],
    backslashInNames: false,
    dollarQuotes: true,
    refused: [
      {
        form: /[uU]&["']/y,
        why: 'Names and strings of the form U&"…" are refused: their escapes hide what they say',
      },
    ],
  },
  openers: new Set(['select', 'with', 'values', 'table', 'show', 'explain']),
  words: new Map([
    ['insert', WRITES],
    ['update', `${WRITES} or lock rows`],
    ['delete', WRITES],
    ['merge', WRITES],
    ['into', 'it makes a table of the result'],
  ]),
  functions: (name) => POSTGRES_FUNCTIONS.test(name),
}

const POSTGRES_FUNCTIONS = new RegExp(
  `^(?:${[
    // files and large objects
    'lo_.*|loread|lowrite|pg_read_.*|pg_ls_.*|pg_stat_file|pg_file_.*|pg_current_logfile',
    // other servers
    'dblink.*|postgres_fdw_.*|http|http_(?:get|post|put|patch|delete|head)',
    // run the text of a query
    '.*_to_xml|.*_to_xmlschema|.*_to_xml_and_xmlschema|ts_stat|ts_rewrite|crosstab.*|connectby',
    // state, locks, waits that our own limit does not know
    'set_config|setval|nextval|setseed|pg_notify|pg_(?:try_)?advisory_.*|pg_sleep_until',
    // administration
    'pg_(?:cancel|terminate|reload|rotate|switch|create|drop|start|stop|backup|wal|logical|replication|copy|import|export|log|stat_reset|restore|clear)_.*',
    'pg_promote|pg_prewarm|autoprewarm_.*|pg_stat_statements_reset|binary_upgrade_.*',
  ].join('|')})$`,
)

/** MySQL and MariaDB, manuals: comment syntax, string literals, SELECT … INTO, locking functions. Our sessions set sql_mode, so that quotes and backslashes mean what is said here. */
export const MYSQL_DIALECT: Dialect = {
  title: 'MySQL',
  lexicon: {
    lineComments: [/#/y, /--(?=$|(?=\p{ASCII})[ \p{Cc}])/uy],
    blockCommentsNest: false,
    backslash: 'always',
    strings: ["'", '"'],
    names: ['`'],
    backslashInNames: false,
    dollarQuotes: false,
    refused: [
      { form: /\/\*M?!/y, why: 'Comments of the form /*! … */ are refused: the server runs what they hold' },
      {
        form: /\/\*\+(?:(?!\*\/)[\s\S])*?(?:set_var|max_execution_time|resource_group)/iy,
        why: 'Hints that change variables or limits are refused',
      },
      { form: /:=/y, why: 'Assignments to variables are refused' },
    ],
  },
  openers: new Set(['select', 'with', 'values', 'table', 'show', 'describe', 'desc', 'explain']),
  words: new Map([
    ['insert', WRITES],
    ['update', `${WRITES} or lock rows`],
    ['delete', WRITES],
    ['replace', WRITES],
    ['into', 'it writes files and variables'],
    ['outfile', 'it writes files'],
    ['dumpfile', 'it writes files'],
    ['lock', 'it locks rows'],
    ['procedure', 'it runs a procedure'],
  ]),
  functions: (name) => MYSQL_FUNCTIONS.test(name),
}

const MYSQL_FUNCTIONS =
  /^(?:load_file|get_lock|release_lock|release_all_locks|is_free_lock|is_used_lock|nextval|setval|lastval|sys_exec|sys_eval|sys_set|sys_get|lib_mysqludf_.*|http_.*|master_.*|source_pos_wait|wait_for_executed_gtid_set|wait_until_.*|service_.*|asynchronous_.*|group_replication_.*|last_insert_id|benchmark|xmlfile)$/

/** ClickHouse, documentation: syntax, table functions, the functions file and dictGet's kin, SETTINGS and FORMAT clauses. */
export const CLICKHOUSE_DIALECT: Dialect = {
  title: 'ClickHouse',
  lexicon: {
    lineComments: [/--/y, /#[ !]/y],
    blockCommentsNest: false, // old versions do not nest them, new ones do
    backslash: 'always',
    strings: ["'"],
    names: ['"', '`'],
    backslashInNames: true,
    dollarQuotes: true,
    refused: [],
  },
  openers: new Set(['select', 'with', 'show', 'describe', 'desc', 'exists', 'explain']),
  words: new Map([
    ['insert', WRITES],
    ['into', 'it writes files'],
    ['outfile', 'it writes files'],
    ['settings', 'limits are set by Thalweg'],
    ['format', 'the form of the answer is set by Thalweg'],
    ['infile', 'it reads files'],
  ]),
  functions: (name) => CLICKHOUSE_FUNCTIONS.test(name),
  tableFunctions: new Set([
    'numbers',
    'numbers_mt',
    'zeros',
    'zeros_mt',
    'generaterandom',
    'generateseries',
    'generate_series',
    'values',
    'view',
    'merge',
    'null',
  ]),
}

const CLICKHOUSE_FUNCTIONS =
  /^(?:url|file|remote|cluster|s3|gcs|oss|cosn|hdfs|azureblobstorage|iceberg|deltalake|hudi|paimon|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|executable|executablepool|input|ytsaurus|arrowflight|kafka|nats|rabbitmq|catboostpool|catboostevaluate|prometheusquery.*)(?:cluster|secure|allreplicas|local|s3|azure|hdfs|s3cluster|azurecluster|hdfscluster|localcluster)?$/
