/** A study in the viewer. */

import { useParams, useRouter, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { ViewerPage } from "../viewer";

const PLACE = "/signed-in/teams/$team/studies/$study";

export function StudyPage(): ReactNode {
  const { team, study } = useParams({ from: PLACE });
  const { series, slice } = useSearch({ from: PLACE });
  const router = useRouter();
  // Back to the worklist as it was left: its search, its page.
  const close = (): void => {
    if (router.history.canGoBack()) router.history.back();
    else void router.navigate({ to: "/" });
  };
  const open = (studyUid: string, seriesUid: string): void => {
    void router.navigate({ to: "/teams/$team/studies/$study", params: { team, study: studyUid }, search: { series: seriesUid } });
  };
  return (
    <ViewerPage key={`${team}/${study}`} team={team} studyInstanceUid={study} seriesInstanceUid={series} slice={slice} onClose={close} onOpen={open} />
  );
}
