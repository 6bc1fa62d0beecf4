// Explains a validation failure: selects the most helpful of the validator's errors.

export interface SchemaError {
  readonly keyword: string;
  /** A JSON pointer into the schema, behind "#". */
  readonly schemaPath: string;
  /** A JSON pointer into the value. */
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

/** Returns the place in the value, a colon, and what is wrong there. */
export function explain(schema: object, errors: readonly SchemaError[]): string {
  const error = mostHelpful(errors);
  if (error === undefined) return ': is not valid';
  return `${error.instancePath}: ${messageOf(schema, error, errors)}`;
}

/**
 * Prefers an error outside of any alternative, then an error of the alternative that the sender meant: the one whose constants match.
 * Errors of the other alternatives would mislead.
 */
function mostHelpful(errors: readonly SchemaError[]): SchemaError | undefined {
  const direct = errors.find(({ keyword, schemaPath }) => !isRule(keyword) && !isOfAlternative(schemaPath));
  if (direct) return direct;
  const isMeant = (path: string) =>
    !errors.some(({ keyword, schemaPath }) => keyword === 'const' && alternativeOf(schemaPath) === alternativeOf(path));
  return (
    errors.find(({ schemaPath }) => schemaPath.startsWith('#/anyOf/') && isMeant(schemaPath)) ??
    errors.find(({ keyword }) => keyword === 'const') ??
    errors.find(({ keyword }) => isRule(keyword)) ??
    errors[0]
  );
}

const isRule = (keyword: string): boolean => keyword === 'oneOf' || keyword === 'anyOf' || keyword === 'not';
const isOfAlternative = (schemaPath: string): boolean => /^#\/(?:oneOf|anyOf)\//.test(schemaPath);
const alternativeOf = (schemaPath: string): string => schemaPath.split('/', 3).join('/');

function messageOf(schema: object, error: SchemaError, errors: readonly SchemaError[]): string {
  switch (error.keyword) {
    case 'const':
      return `must be one of ${allowedAt(error.instancePath, errors).join(', ')}`;
    // "must match pattern" and "must not be valid" do not help; the description of the schema does.
    case 'oneOf':
    case 'not':
    case 'pattern':
      return describedAt(schema, error.schemaPath) ?? error.message;
    default:
      return error.message;
  }
}

function allowedAt(instancePath: string, errors: readonly SchemaError[]): readonly string[] {
  const allowed = errors.flatMap((error) =>
    error.keyword === 'const' && error.instancePath === instancePath && 'allowedValue' in error.params
      ? [JSON.stringify(error.params.allowedValue)]
      : [],
  );
  return [...new Set(allowed)];
}

function describedAt(schema: object, schemaPath: string): string | undefined {
  let at: unknown = schema;
  for (const key of schemaPath.split('/').slice(1)) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  if (typeof at !== 'object' || at === null || !('description' in at)) return undefined;
  return typeof at.description === 'string' ? at.description : undefined;
}
