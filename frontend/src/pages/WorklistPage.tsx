/** The worklist: the team's studies, searched, sorted, kept up to date; the place to drop new ones on. */

import { Button, Group, Stack, Text } from "@mantine/core";
import { useDebouncedCallback, useHotkeys, useMediaQuery } from "@mantine/hooks";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useStudies, type StudyRow } from "../store/queries";
import { includes, teamOf, useSession } from "../store/session";
import { Pages } from "../ui/Pages";
import { Empty, Failed, Loading } from "../ui/States";
import { UploadButtons, UploadPanel, useDropZone } from "../ui/Uploads";
import type { WorklistSearch } from "./router";
import { useTeam } from "./SignedIn";
import { SavedSearches } from "./worklist/SavedSearches";
import { queryOf, type Wanted } from "./worklist/searches";
import { isChosen, NOTHING, withChosen, type Selection } from "./worklist/selection";
import { SelectionBar } from "./worklist/SelectionBar";
import { StudyCards, StudyTable, type Choice } from "./worklist/StudyRows";
import { WorklistFilters } from "./worklist/WorklistFilters";

const SEARCH_AFTER_MS = 250;

export function WorklistPage(): ReactNode {
  const { t } = useTranslation();
  const team = useTeam();
  const wanted = useSearch({ from: "/signed-in/" });
  const navigate = useNavigate();
  const isPhone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const role = useSession((state) => teamOf(state.me, team)?.role);
  const mayUpload = includes(role, "reader");
  const isOver = useDropZone(team, mayUpload);
  const query = queryOf(wanted);
  const studies = useStudies(team, query);
  // What is chosen is of this team: another one's worklist begins with nothing.
  const [kept, setKept] = useState({ team, selection: NOTHING });
  const selection = kept.team === team ? kept.selection : NOTHING;
  const setSelection = (how: (old: Selection) => Selection): void => {
    setKept((old) => ({ team, selection: how(old.team === team ? old.selection : NOTHING) }));
  };

  const shown = (studies.data?.results ?? []).map((row) => row.study_instance_uid);
  const choice: Choice = {
    isChosen: (study) => isChosen(selection, study),
    onChoose: (uids, isOn) => {
      setSelection((old) => withChosen(old, uids, isOn, shown));
    },
  };

  const change = (changed: Partial<Record<keyof WorklistSearch, string | number | undefined>>): void => {
    const next = { ...wanted, page: undefined, ...changed };
    const search = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined && value !== ""));
    // All that match is another set once something else is asked for; its order and page are not.
    if (Object.keys(changed).some((name) => name !== "page" && name !== "sort")) setSelection((old) => (old.isAll ? NOTHING : old));
    void navigate({ to: "/", search: search as WorklistSearch, replace: !("page" in changed) });
  };
  const open = (row: StudyRow): void => {
    void navigate({ to: "/teams/$team/studies/$study", params: { team, study: row.study_instance_uid } });
  };

  // The box follows the keys at once; the list follows the box a moment later.
  const [text, setText] = useState(wanted.search ?? "");
  const search = useDebouncedCallback((value: string) => {
    change({ search: value.trim() || undefined });
  }, SEARCH_AFTER_MS);
  const box = useRef<HTMLInputElement>(null);
  useHotkeys([["/", () => box.current?.focus()]]);
  useEffect(() => {
    document.title = `${t("place.worklist")} · medportal`;
  }, [t]);

  const isFiltered = [wanted.search, wanted.modality, wanted.ai, wanted.from, wanted.to].some(Boolean);
  const clear = (): void => {
    setText("");
    setSelection((old) => (old.isAll ? NOTHING : old));
    void navigate({ to: "/", search: wanted.sort ? { sort: wanted.sort } : {}, replace: true });
  };
  const show = (saved: Wanted): void => {
    setText(saved.search ?? "");
    setSelection((old) => (old.isAll ? NOTHING : old));
    void navigate({ to: "/", search: saved });
  };
  const Rows = isPhone ? StudyCards : StudyTable;
  return (
    <Stack gap="sm">
      <WorklistFilters
        wanted={wanted}
        text={text}
        box={box}
        onText={(value) => {
          setText(value);
          search(value);
        }}
        onChange={change}
        onClear={isFiltered ? clear : undefined}
        saved={<SavedSearches key={team} team={team} wanted={wanted} mayFreeze={includes(role, "researcher")} onShow={show} />}
        actions={mayUpload && <UploadButtons team={team} />}
      />
      {studies.isPending && <Loading />}
      {studies.isError && <Failed error={studies.error} onRetry={() => void studies.refetch()} />}
      {studies.data?.count === 0 &&
        (isFiltered ? (
          <Empty title={t("worklist.noMatch")}>
            <Button variant="light" onClick={clear}>
              {t("worklist.clear")}
            </Button>
          </Empty>
        ) : (
          <Empty title={t("worklist.empty")}>{t(mayUpload ? "worklist.emptyHint" : "worklist.emptyViewer")}</Empty>
        ))}
      {!!studies.data?.results.length && (
        <Rows
          team={team}
          rows={studies.data.results}
          sort={wanted.sort}
          onSort={(sort) => {
            change({ sort });
          }}
          onOpen={open}
          choice={mayUpload ? choice : undefined}
        />
      )}
      {!!studies.data?.count && (
        <Group justify="space-between" mb={70}>
          <Text size="sm" c="dimmed" aria-live="polite">
            {t("worklist.count", { count: studies.data.count })}
          </Text>
          <Pages
            count={studies.data.count}
            page={wanted.page ?? 1}
            onChange={(page) => {
              change({ page: page > 1 ? page : undefined });
            }}
          />
        </Group>
      )}
      <SelectionBar
        team={team}
        selection={selection}
        found={studies.data?.count ?? 0}
        query={query}
        isPageChosen={shown.length > 0 && shown.every((study) => isChosen(selection, study))}
        mayFreeze={includes(role, "researcher")}
        onAll={() => {
          setSelection(() => ({ isAll: true, studies: [] }));
        }}
        onClear={() => {
          setSelection(() => NOTHING);
        }}
      />
      <UploadPanel />
      {isOver && (
        <div className="drop-here">
          <Text size="xl" fw={700}>
            {t("upload.dropHere")}
          </Text>
        </div>
      )}
    </Stack>
  );
}
