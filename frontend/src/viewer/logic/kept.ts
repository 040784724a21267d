/** What has not reached the site yet and is too large for the browser's small storage, kept over an end of the page. */

const NAME = "medportal";
const STORE = "drafts";

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asking = indexedDB.open(NAME, 1);
    asking.onupgradeneeded = () => { asking.result.createObjectStore(STORE); };
    asking.onsuccess = () => { resolve(asking.result); };
    asking.onerror = () => { reject(asking.error ?? new Error("no storage")); };
  });
}

async function within<Value>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<Value>): Promise<Value> {
  const database = await opened();
  try {
    return await new Promise<Value>((resolve, reject) => {
      const change = database.transaction(STORE, mode, { durability: "strict" });
      const asking = act(change.objectStore(STORE));
      change.oncomplete = () => { resolve(asking.result); };
      change.onerror = () => { reject(change.error ?? new Error("not kept")); };
    });
  } finally {
    database.close();
  }
}

/** Keeps a value that can be cloned. A forbidden or full storage must not stop anybody from working. */
export const keep = (key: string, value: unknown): Promise<void> => within("readwrite", (store) => store.put(value, key)).then(() => undefined, () => undefined);

export const forget = (key: string): Promise<void> => within("readwrite", (store) => store.delete(key)).catch(() => undefined);

/** Returns what was kept; null for nothing. */
export const kept = (key: string): Promise<unknown> => within<unknown>("readonly", (store) => store.get(key) as IDBRequest<unknown>).then((value) => value ?? null, () => null);
