// What this browser calls itself in the list of the user's devices: "Chrome on Windows".

interface Brands {
  readonly brands?: readonly { readonly brand: string }[];
  readonly platform?: string;
}

/** Best effort: browsers say less and less about themselves, and what they say may be wrong. */
export function clientName({
  userAgent,
  userAgentData,
}: {
  readonly userAgent: string;
  readonly userAgentData?: Brands;
}): string {
  const browser = browserIn(userAgent);
  const system = userAgentData?.platform || systemIn(userAgent);
  return [browser, system].filter((part) => part !== '').join(' on ') || 'Browser';
}

/** Those that name others too come first. */
function browserIn(userAgent: string): string {
  const known: readonly (readonly [RegExp, string])[] = [
    [/\bEdg/, 'Edge'],
    [/\bOPR\//, 'Opera'],
    [/\bSamsungBrowser\//, 'Samsung Internet'],
    [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
    [/\bChrom(e|ium)\/|\bCriOS\/|\bHeadlessChrome\//, 'Chrome'],
    [/\bSafari\//, 'Safari'],
  ];
  return known.find(([pattern]) => pattern.test(userAgent))?.[1] ?? '';
}

function systemIn(userAgent: string): string {
  const known: readonly (readonly [RegExp, string])[] = [
    [/\bAndroid\b/, 'Android'],
    [/\b(iPhone|iPad|iPod)\b/, 'iOS'],
    [/\bWindows\b/, 'Windows'],
    [/\bMac OS X\b/, 'macOS'],
    [/\bCrOS\b/, 'ChromeOS'],
    [/\bLinux\b/, 'Linux'],
  ];
  return known.find(([pattern]) => pattern.test(userAgent))?.[1] ?? '';
}
