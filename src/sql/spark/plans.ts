/** What Spark is asked to do, as messages of its protocol. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Columns, ColumnType, Parameters } from '../engine.ts';
import { type Plan, PlanSchema } from './proto/spark/connect/base_pb.ts';
import { type CommandSchema, WriteOperation_SaveMode } from './proto/spark/connect/commands_pb.ts';
import type { ExpressionSchema } from './proto/spark/connect/expressions_pb.ts';
import type { RelationSchema } from './proto/spark/connect/relations_pb.ts';
import { quoted, sparkText } from './text.ts';

export type Relation = MessageInitShape<typeof RelationSchema>;
type Command = MessageInitShape<typeof CommandSchema>['commandType'];
type Expression = MessageInitShape<typeof ExpressionSchema>;

export type FileFormat = 'parquet' | 'jsonl' | 'csv';

/** The rows of a text. */
export function sqlRelation(sql: string, parameters: Parameters = {}): Relation {
  return { relType: { case: 'sql', value: { query: sparkText(sql, parameters) } } };
}

/** The rows of these files, with these columns and no others. */
export function filesRelation(paths: readonly string[], columns: Columns): Relation {
  const schema = ddlOf(columns);
  if (paths.length === 0) return { relType: { case: 'localRelation', value: { schema } } };
  const isJson = paths.every((path) => path.endsWith('.jsonl'));
  // Without `basePath` a folder named month=… adds no column: which columns there are is said here.
  const value = {
    format: isJson ? 'json' : 'parquet',
    schema,
    paths: paths.map(literalAddressOf),
    options: isJson ? { mode: 'FAILFAST' } : {},
  };
  return { relType: { case: 'read', value: { readType: { case: 'dataSource', value } } } };
}

export function rowsPlan(relation: Relation): Plan {
  return create(PlanSchema, { opType: { case: 'root', value: relation } });
}

/** A statement that is carried out at once. */
export function statementPlan(sql: string): Plan {
  return commandPlan({ case: 'sqlCommand', value: { input: sqlRelation(sql) } });
}

export function viewPlan(name: string, input: Relation): Plan {
  const value = { input, name, isGlobal: false, replace: true };
  return commandPlan({ case: 'createDataframeView', value });
}

export function dropPlan(view: string): Plan {
  return statementPlan(`DROP VIEW IF EXISTS ${quoted(view)}`);
}

/** Computes the rows and keeps them on the executors; the answer names them. */
export function keepPlan(relation: Relation): Plan {
  return commandPlan({ case: 'checkpointCommand', value: { relation, local: true, eager: true } });
}

/** Lets go of the name that `keepPlan` was answered with; views of it stay. */
export function releasePlan(relationId: string): Plan {
  const value = { relation: { relationId } };
  return commandPlan({ case: 'removeCachedRemoteRelationCommand', value });
}

export function keptRelation(relationId: string): Relation {
  return { relType: { case: 'cachedRemoteRelation', value: { relationId } } };
}

/**
 * Writes one file, under a name of Spark's own, into a folder that is not there yet, and counts its
 * rows as the metric `n` of `written`. `ordered` keeps the order of the rows and works with less
 * parallelism.
 */
export function writePlan(
  input: Relation,
  folder: string,
  format: FileFormat,
  { ordered }: { readonly ordered: boolean },
): Plan {
  const one: Relation = {
    relType: { case: 'repartition', value: { input, numPartitions: 1, shuffle: !ordered } },
  };
  // Counted in the one task that writes: what is computed again after a failure counts once.
  const counted: Relation = {
    relType: { case: 'collectMetrics', value: { input: one, name: 'written', metrics: [COUNT] } },
  };
  return commandPlan({
    case: 'writeOperation',
    value: {
      input: counted,
      source: format === 'jsonl' ? 'json' : format,
      saveType: { case: 'path', value: addressOf(folder) },
      mode: WriteOperation_SaveMode.ERROR_IF_EXISTS,
      options: WRITE_OPTIONS[format],
    },
  });
}

const ONE: Expression = {
  exprType: { case: 'literal', value: { literalType: { case: 'integer', value: 1 } } },
};
const COUNT: Expression = {
  exprType: {
    case: 'alias',
    value: {
      name: ['n'],
      expr: {
        exprType: {
          case: 'unresolvedFunction',
          value: { functionName: 'count', arguments: [ONE] },
        },
      },
    },
  },
};

const MICROSECONDS = "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS]XXX";
const WRITE_OPTIONS = {
  parquet: { compression: 'zstd' },
  jsonl: { ignoreNullFields: 'false', timestampFormat: MICROSECONDS },
  csv: { header: 'true', emptyValue: '', timestampFormat: MICROSECONDS },
} as const;

function commandPlan(commandType: Command & {}): Plan {
  return create(PlanSchema, { opType: { case: 'command', value: { commandType } } });
}

/**
 * A path on this machine becomes an address, since without one Spark means its own default file
 * system.
 */
export function addressOf(path: string): string {
  return path.startsWith('/') ? `file://${path}` : path;
}

/** Where Spark reads, some characters stand for several files: here each stands for itself. */
function literalAddressOf(path: string): string {
  return addressOf(path.replaceAll(/[[\]{}*?\\]/g, '\\$&'));
}

function ddlOf(columns: Columns): string {
  const entries = Object.entries(columns);
  return entries.map(([name, type]) => `${quoted(name)} ${SPARK_TYPES[type]}`).join(', ');
}

const SPARK_TYPES: Readonly<Record<ColumnType, string>> = {
  VARCHAR: 'STRING',
  DOUBLE: 'DOUBLE',
  INTEGER: 'INT',
  BIGINT: 'BIGINT',
  TIMESTAMPTZ: 'TIMESTAMP',
  BOOLEAN: 'BOOLEAN',
};
