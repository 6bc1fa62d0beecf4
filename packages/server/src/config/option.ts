// What an option is: its kinds, and how one is declared.

interface Common<Name extends string> {
  readonly name: Name;
  readonly description: string;
}
export interface TextOption<Name extends string = string> extends Common<Name> {
  readonly type: 'text';
  readonly default: string;
  /** What stands for the value in --help. */
  readonly placeholder: string;
  readonly oneOf?: readonly string[];
}
export interface NumberOption<Name extends string = string> extends Common<Name> {
  readonly type: 'number';
  readonly default: number;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
}
export interface SwitchOption<Name extends string = string> extends Common<Name> {
  readonly type: 'switch';
  readonly default: boolean;
}
export type Option = TextOption | NumberOption | SwitchOption;

/** For bounds in bytes. */
export const mebibyte = 1024 * 1024;

export const text = <N extends string>(
  name: N,
  value: string,
  placeholder: string,
  description: string,
  oneOf?: readonly string[],
) =>
  ({
    type: 'text',
    name,
    default: value,
    placeholder,
    description,
    ...(oneOf ? { oneOf } : {}),
  }) as const satisfies TextOption<N>;
export const number = <N extends string>(
  name: N,
  value: number,
  unit: string,
  range: readonly [number, number],
  description: string,
) =>
  ({
    type: 'number',
    name,
    default: value,
    unit,
    min: range[0],
    max: range[1],
    description,
  }) as const satisfies NumberOption<N>;
export const onOff = <N extends string>(name: N, value: boolean, description: string) =>
  ({ type: 'switch', name, default: value, description }) as const satisfies SwitchOption<N>;
