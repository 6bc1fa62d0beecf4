// A .proto file imported as text.

declare module '*.proto' {
  const text: string;
  export default text;
}
