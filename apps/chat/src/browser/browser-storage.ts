// The one way to localStorage. Every access there may throw (full, blocked, disabled): what cannot be kept stays in this page's memory.

/** Names of this application's keys: below a path of a shared host, other installations have the same origin. */
export function storageName(name: string): string {
  const folder = new URL('.', location.href).pathname.slice(0, -1);
  return `hongyan${folder}.${name}`;
}

export class BrowserStorage {
  /** What the browser did not keep; it lasts as long as the page. */
  readonly #unkept = new Map<string, string>();

  read(name: string): string | undefined {
    const key = storageName(name);
    const unkept = this.#unkept.get(key);
    if (unkept !== undefined) return unkept;
    try {
      return localStorage.getItem(key) ?? undefined;
    } catch {
      return undefined; // blocked by the browser's settings: nothing is kept there
    }
  }

  /** The parsed value; undefined where there is none, or no JSON: then something else wrote it. */
  readJson(name: string): unknown {
    try {
      return JSON.parse(this.read(name) ?? 'null') ?? undefined;
    } catch {
      return undefined; // no JSON: as good as nothing
    }
  }

  write(name: string, value: string): void {
    const key = storageName(name);
    try {
      localStorage.setItem(key, value);
      this.#unkept.delete(key);
    } catch {
      // Full or blocked: an older value would be wrong from now on, so it goes too.
      this.remove(name);
      this.#unkept.set(key, value);
    }
  }

  remove(name: string): void {
    const key = storageName(name);
    this.#unkept.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // Blocked: then nothing was kept.
    }
  }

  /** Another tab wrote or removed the value, or emptied the storage. Returns the function that ends it. */
  onChangeElsewhere(name: string, run: () => void): () => void {
    const key = storageName(name);
    const changed = (event: StorageEvent) => {
      if (event.key !== null && event.key !== key) return;
      this.#unkept.delete(key);
      run();
    };
    addEventListener('storage', changed);
    return () => removeEventListener('storage', changed);
  }
}

export const browserStorage = new BrowserStorage();
