/** A link to a series in the viewer, at a slice where one is named; its study is asked for when it is followed. */

import { Anchor, type AnchorProps } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import { studyOf } from "../store/series";

interface Props extends AnchorProps {
  team: string;
  series: string;
  study?: string;
  /** Of the stack, from 0 as the site counts slices. */
  slice?: number;
  children: ReactNode;
}

export function SeriesLink({ team, series, study, slice, children, ...anchor }: Props): ReactNode {
  const navigate = useNavigate();
  const [trouble, setTrouble] = useState("");
  const search = { series, ...(slice === undefined ? {} : { slice }) };
  if (study) {
    return (
      <Anchor
        {...anchor}
        renderRoot={(props) => <Link {...props} to="/teams/$team/studies/$study" params={{ team, study }} search={search} />}
      >
        {children}
      </Anchor>
    );
  }
  const open = async (): Promise<void> => {
    try {
      const found = await studyOf(team, series);
      await navigate({ to: "/teams/$team/studies/$study", params: { team, study: found }, search });
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Anchor {...anchor} component="button" type="button" title={trouble || undefined} c={trouble ? "red" : undefined} onClick={() => void open()}>
      {children}
      {trouble && " ⚠"}
    </Anchor>
  );
}
