/** Studies as rows of a table, or as cards on a phone. */

import { Anchor, Badge, Box, Checkbox, Group, Paper, Stack, Table, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import type { KeyboardEvent, MouseEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { StudyRow } from "../../store/queries";
import { dicomDate, dicomTime, moment, percent, personName } from "../../ui/format";
import { isArrival } from "../arrivals";

interface Props {
  team: string;
  rows: readonly StudyRow[];
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
  onOpen: (row: StudyRow) => void;
  /** Studies can be chosen: which are, and what is done when that changes. Without it there are no boxes. */
  choice?: Choice | undefined;
}

export interface Choice {
  isChosen: (study: string) => boolean;
  onChoose: (studies: readonly string[], isOn: boolean) => void;
}

const COLUMNS = [
  { key: "picture" },
  { key: "patient", sort: "patient_name" },
  { key: "patientId", sort: "patient_id" },
  { key: "date", sort: "study_date" },
  { key: "modality" },
  { key: "description", sort: "study_description" },
  { key: "images", sort: "number_of_instances" },
  { key: "ai" },
  { key: "arrived", sort: "created_at" },
] as const;

const addressOf = (team: string, row: StudyRow): string => `/teams/${team}/studies/${row.study_instance_uid}`;

/** A click opens here; with Ctrl or the middle button the browser opens a tab, as with any link. */
function onPlainClick(event: MouseEvent, action: () => void): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}

/** A box beside a study; a click on it opens nothing. */
function ChooseBox({ row, choice }: { row: StudyRow; choice: Choice }): ReactNode {
  const { t } = useTranslation();
  return (
    <Checkbox
      size="xs"
      aria-label={t("selection.one", { name: personName(row.patient_name) || row.patient_id || t("worklist.nameless") })}
      checked={choice.isChosen(row.study_instance_uid)}
      onClick={(event) => {
        event.stopPropagation();
      }}
      onChange={(event) => {
        choice.onChoose([row.study_instance_uid], event.currentTarget.checked);
      }}
    />
  );
}

function ChoosePage({ rows, choice }: { rows: readonly StudyRow[]; choice: Choice }): ReactNode {
  const { t } = useTranslation();
  const uids = rows.map((row) => row.study_instance_uid);
  const chosen = uids.filter(choice.isChosen).length;
  return (
    <Checkbox
      size="xs"
      aria-label={t("selection.page")}
      checked={chosen === uids.length}
      indeterminate={chosen > 0 && chosen < uids.length}
      onChange={(event) => {
        choice.onChoose(uids, event.currentTarget.checked);
      }}
    />
  );
}

export function StudyTable({ team, rows, sort, onSort, onOpen, choice }: Props): ReactNode {
  const { t, i18n } = useTranslation();
  const onKey = (event: KeyboardEvent<HTMLTableRowElement>, row: StudyRow): void => {
    const here = event.currentTarget;
    const next = event.key === "ArrowDown" ? here.nextElementSibling : event.key === "ArrowUp" ? here.previousElementSibling : null;
    if (event.key === "Enter" && event.target === here) onOpen(row);
    else if (event.key === "x" && choice) choice.onChoose([row.study_instance_uid], !choice.isChosen(row.study_instance_uid));
    else if (next instanceof HTMLElement) next.focus();
    else return;
    event.preventDefault();
  };
  return (
    <Table.ScrollContainer minWidth={860}>
      <Table highlightOnHover stickyHeader className="worklist" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {choice && (
              <Table.Th w={34}>
                <ChoosePage rows={rows} choice={choice} />
              </Table.Th>
            )}
            {COLUMNS.map((column) => (
              <Header key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, index) => (
            <Table.Tr
              key={row.study_instance_uid}
              tabIndex={index ? -1 : 0}
              className={isArrival(row.study_instance_uid) ? "is-new" : ""}
              onClick={(event) => {
                onPlainClick(event, () => {
                  onOpen(row);
                });
              }}
              onKeyDown={(event) => {
                onKey(event, row);
              }}
            >
              {choice && (
                <Table.Td
                  onClick={(event) => {
                    event.stopPropagation();
                  }}
                >
                  <ChooseBox row={row} choice={choice} />
                </Table.Td>
              )}
              <Table.Td>
                <Thumbnail team={team} row={row} />
              </Table.Td>
              <Table.Td>
                <Patient team={team} row={row} onOpen={onOpen} />
              </Table.Td>
              <Table.Td className="ellipsis" title={row.patient_id}>
                {row.patient_id || "–"}
              </Table.Td>
              <Table.Td>
                {dicomDate(row.study_date) || "–"}{" "}
                <Text span size="xs" c="dimmed">
                  {dicomTime(row.study_time)}
                </Text>
              </Table.Td>
              <Table.Td>{row.modalities_in_study.join(", ") || "–"}</Table.Td>
              <Table.Td className="ellipsis" title={row.study_description}>
                {row.study_description || "–"}
              </Table.Td>
              <Table.Td title={t("worklist.seriesOf", { count: row.number_of_series })}>{row.number_of_instances}</Table.Td>
              <Table.Td>
                <Ai row={row} />
              </Table.Td>
              <Table.Td>
                <Text size="xs" c="dimmed">
                  {moment(row.created_at, i18n.language)}
                </Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Header({ column, sort, onSort }: { column: (typeof COLUMNS)[number] } & Pick<Props, "sort" | "onSort">): ReactNode {
  const { t } = useTranslation();
  const label = t(`worklist.${column.key}`);
  if (!("sort" in column)) return <Table.Th>{column.key === "picture" ? <span aria-label={label} /> : label}</Table.Th>;
  const isUp = sort === column.sort;
  const isDown = sort === `-${column.sort}`;
  const next = isUp ? `-${column.sort}` : isDown ? undefined : column.sort;
  return (
    <Table.Th aria-sort={isUp ? "ascending" : isDown ? "descending" : "none"}>
      <UnstyledButton
        fz="sm"
        fw={700}
        onClick={() => {
          onSort(next);
        }}
      >
        <Group gap={2} wrap="nowrap">
          {label}
          {isUp && <IconChevronUp size={14} />}
          {isDown && <IconChevronDown size={14} />}
        </Group>
      </UnstyledButton>
    </Table.Th>
  );
}

export function StudyCards({ team, rows, onOpen, choice }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      {rows.map((row) => (
        <Paper
          key={row.study_instance_uid}
          withBorder
          p="xs"
          onClick={() => {
            onOpen(row);
          }}
        >
          <Group wrap="nowrap" align="flex-start" gap="sm">
            {choice && (
              <Box
                p={4}
                onClick={(event) => {
                  event.stopPropagation();
                }}
              >
                <ChooseBox row={row} choice={choice} />
              </Box>
            )}
            <Thumbnail team={team} row={row} size={64} />
            <Box flex={1} miw={0} className="breaks-anywhere">
              <Patient team={team} row={row} onOpen={onOpen} wrap="wrap" />
              <Text size="sm" truncate>
                {[row.modalities_in_study.join(", "), row.study_description].filter(Boolean).join(" · ") || "–"}
              </Text>
              <Text size="xs" c="dimmed">
                {[dicomDate(row.study_date), row.patient_id].filter(Boolean).join(" · ")} ·{" "}
                {t("worklist.imagesOf", { count: row.number_of_instances })}
              </Text>
              <Ai row={row} />
            </Box>
          </Group>
        </Paper>
      ))}
    </Stack>
  );
}

type PatientProps = { row: StudyRow; wrap?: "wrap" | "nowrap" } & Pick<Props, "team" | "onOpen">;

function Patient({ team, row, onOpen, wrap = "nowrap" }: PatientProps): ReactNode {
  const { t } = useTranslation();
  return (
    <Group gap="0 6px" wrap={wrap}>
      <Anchor
        href={addressOf(team, row)}
        fw={600}
        className="ellipsis"
        title={wrap === "nowrap" ? personName(row.patient_name) : undefined}
        tabIndex={-1}
        onClick={(event) => {
          onPlainClick(event, () => {
            onOpen(row);
          });
        }}
      >
        {personName(row.patient_name) || t("worklist.nameless")}
      </Anchor>
      <Text size="xs" c="dimmed" flex="none">
        {[row.patient_sex, row.patient_birth_date.slice(0, 4)].filter(Boolean).join(" ")}
      </Text>
      {row.is_synthetic && (
        <Badge size="xs" color="grape" variant="light" flex="none">
          {t("worklist.synthetic")}
        </Badge>
      )}
      {row.has_conflict && (
        <Tooltip label={t("worklist.conflict")}>
          <IconAlertTriangle size={16} color="orange" aria-label={t("worklist.conflict")} />
        </Tooltip>
      )}
    </Group>
  );
}

function Thumbnail({ team, row, size = 44 }: { team: string; row: StudyRow; size?: number }): ReactNode {
  const style = { width: size, height: size };
  if (!row.thumbnail_series_uid || !row.thumbnail_revision) {
    return (
      <span className="thumb" style={style} aria-hidden>
        {row.modalities_in_study[0]}
      </span>
    );
  }
  const address = `/api/v1/teams/${team}/series/${row.thumbnail_series_uid}/thumbnail/?r=${String(row.thumbnail_revision)}`;
  return <img className="thumb" style={style} src={address} alt="" loading="lazy" decoding="async" />;
}

const COLOURS = { queued: "gray", running: "blue", succeeded: "teal", failed: "red" } as const;

function Ai({ row }: { row: StudyRow }): ReactNode {
  const { t } = useTranslation();
  const { ai_status: state, ai_summary: said } = row;
  if (!state) return null;
  if (state !== "succeeded" || !said.value) {
    return (
      <Badge color={COLOURS[state]} variant="light">
        {t(`ai.${state}`)}
      </Badge>
    );
  }
  const model = `${said.model ?? ""} v${String(said.version ?? "")} · ${t("notForDiagnosis")}`;
  return (
    <Badge color={said.positive ? "orange" : "teal"} variant="light" title={model} tt="none">
      {said.value} {said.probability !== undefined && percent(said.probability)}
    </Badge>
  );
}
