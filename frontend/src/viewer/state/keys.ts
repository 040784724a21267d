/** Which keys somebody has chosen for which acts, where that is not what everybody begins with. */

import { create } from "zustand";

export interface KeysState {
  /** Act → its keys; [] for none. */
  chosen: Readonly<Record<string, readonly string[]>>;
}

export const useChosenKeys = create<KeysState>()(() => ({ chosen: {} }));
