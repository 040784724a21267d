/** Goes to where a segment is largest. */

import { middleOf } from "./middle";
import { useSession } from "../session";
import { activeSeriesUid, useViewer } from "../state/viewerStore";

export function useJump(): (number: number) => void {
  const { grid, segments } = useSession();
  return (number) => {
    const seriesUid = activeSeriesUid(useViewer.getState());
    const found = middleOf(segments, number);
    if (seriesUid && found) void grid.showFrame(seriesUid, found.sopInstanceUid, found.frameNumber, found.point);
  };
}
