/** The layouts that the team and the account have kept. */

import { create } from "zustand";

import type { Protocol } from "../logic/hanging";

export interface ProtocolsState {
  protocols: readonly Protocol[];
}

export const useProtocols = create<ProtocolsState>()(() => ({ protocols: [] }));
