// lysoen report attach, extract: files that go into a report, and out of it again.
#include <algorithm>
#include <fstream>
#include <iostream>

#include "core/base/try.h"
#include "tools/lysoen/new_file.h"
#include "tools/lysoen/report_json.h"
#include "tools/lysoen/terminal.h"

namespace lysoen::cli {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string report, path, name;
  fs::path file;
  bool shareable = false, original = false, thumbnail = false;  // as the form says if none
};

/// The form's only place for files; a new item where it repeats.
Result<std::string> place_for_files(const Form& form) {
  std::vector<std::string> places;
  for (const auto& question : form.questions())
    if (question.type == ValueType::attachment) places.push_back(question.path);
  if (places.size() != 1)
    return make_error(ErrorCode::input_refused,
                      places.empty() ? "this form has no place for files" : "this form has several places for files",
                      places.empty() ? "name the file in the text instead" : "name one with --to");
  auto path = places.front();
  for (size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    if (!form.is_repeat(path.substr(0, end))) continue;
    path.insert(end, "[new1]");
    end += 6;
  }
  return path;
}

Result<void> attach(App& app, const Arguments& arguments) {
  std::ifstream in;
  in.rdbuf()->pubsetbuf(nullptr, 0);  // no copy of it outside of the memory that is wiped
  in.open(arguments.file, std::ios::binary);
  std::error_code error;
  const auto size = fs::file_size(arguments.file, error);
  if (!in || error || fs::is_directory(arguments.file))
    return make_error(ErrorCode::not_found, "cannot attach the file: it cannot be read",
                      "check its name and its rights");
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(ReportId id, report_named(*vault, arguments.report));
  std::string path = arguments.path;
  if (path.empty()) {
    LYSOEN_ASSIGN(Report report, vault->read(id));
    LYSOEN_ASSIGN(auto form, form_named(*vault, report.form_id));
    LYSOEN_ASSIGN(path, place_for_files(*form));
  }
  Bar bar("attaching");
  uint64_t done = 0;
  AttachmentSource source{arguments.name.empty() ? arguments.file.filename().string() : arguments.name, "",
                          [&](std::span<uint8_t> into) -> Result<size_t> {
                            if (in.eof()) return size_t{0};
                            in.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
                            if (in.bad() || (in.fail() && !in.eof()))
                              return make_error(ErrorCode::io_failed,
                                                "cannot attach the file: the system refused to read it",
                                                "copy it to another disk, then attach it again");
                            done += static_cast<uint64_t>(in.gcount());
                            bar.show(done, std::max<uint64_t>(size, done));
                            return static_cast<size_t>(in.gcount());
                          }};
  LYSOEN_ASSIGN(Change change, vault->attach(id, path, source));
  auto what = change.value->file();
  LYSOEN_TRY(vault->lock());
  if (app.print_json({{"id", id.hex()}, {"path", change.path}, {"size", what->size}, {"type", what->type}})) return {};
  std::cout << short_id(id) << "  " << count_text(what->size) << " bytes attached, " << what->type << "\n";
  say("the file itself still lies where it was: remove it there if nobody may find it");
  return {};
}

Result<Value::File> attachment_named(const Report& report, const std::string& name) {
  std::vector<Value::File> found;
  for (const auto& field : report.fields)
    for (const auto& visible : field.values)
      if (auto one = visible.value ? visible.value->file() : std::nullopt;
          one && (name.empty() || one->name == name || field.path == name))
        found.push_back(*one);
  if (found.size() == 1) return found.front();
  return make_error(found.empty() ? ErrorCode::not_found : ErrorCode::input_refused,
                    found.empty() ? "no such file is attached to this report" : "several files of it are meant",
                    "`lysoen report show` lists them; name one by its name or its path");
}

/// The small picture of it that is on this device. Its size is known once it was read.
Result<Value::File> thumbnail_of(Vault& vault, const ReportId& id, Value::File what) {
  LYSOEN_ASSIGN(auto states, vault.attachments(id));
  for (const auto& state : states)
    if (state.blob == what.blob && state.thumbnail) return Value::File{*state.thumbnail, 0, "image/jpeg", what.name};
  return make_error(ErrorCode::not_found, "no thumbnail of this file is on this device",
                    "pictures that are more than 16 KB have one, JPEG and PNG; sync, if it is still on the way");
}

/// Whether a shareable copy is meant: as the command line says, else as the report's form does.
Result<bool> shareable_meant(const Vault& vault, const Report& report, const Arguments& arguments) {
  if (arguments.thumbnail) return false;  // it says nothing but its pixels
  if (arguments.shareable || arguments.original) return arguments.shareable;
  auto form = form_named(vault, report.form_id);
  if (form) return (*form)->shareable_copies();
  return make_error(ErrorCode::input_refused,
                    "cannot tell how files of this report are handed on: its form is not on this device",
                    "say --shareable or --original");
}

Result<void> extract(App& app, const Arguments& arguments) {
  LYSOEN_ASSIGN(auto vault, app.open_vault());
  LYSOEN_ASSIGN(ReportId id, report_named(*vault, arguments.report));
  LYSOEN_ASSIGN(Report report, vault->read(id));
  LYSOEN_ASSIGN(auto what, attachment_named(report, arguments.name));
  if (arguments.thumbnail) {
    LYSOEN_ASSIGN(what, thumbnail_of(*vault, id, std::move(what)));
  }
  LYSOEN_ASSIGN(bool shareable, shareable_meant(*vault, report, arguments));
  LYSOEN_ASSIGN(auto target, NewFile::begin(arguments.file));
  std::ofstream out;
  out.rdbuf()->pubsetbuf(nullptr, 0);
  out.open(target.part(), std::ios::binary | std::ios::app);
  uint64_t written = 0;
  auto write = [&](ByteView bytes) -> Result<void> {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out) return cannot_write(arguments.file, errno);
    written += bytes.size();
    return {};
  };
  ShareableCopy copy(write);
  Bar bar("writing");
  uint64_t done = 0;
  auto extracted = vault->read_attachment(id, what.blob, [&](ByteView bytes) -> Result<void> {
    LYSOEN_TRY(shareable ? copy.put(bytes) : write(bytes));
    done += bytes.size();
    bar.show(done, std::max(done, what.size));
    return {};
  });
  if (extracted && shareable) extracted = copy.finish();
  if (!extracted && shareable && extracted.error().code == ErrorCode::input_refused)
    return make_error(ErrorCode::input_refused, extracted.error().message,
                      "--original writes it as it was attached, with all that it says about place, time and device");
  LYSOEN_TRY(std::move(extracted));
  out.close();
  if (!out) return cannot_write(arguments.file, errno);
  LYSOEN_TRY(target.finish());
  if (app.print_json({{"id", id.hex()}, {"size", written}, {"type", what.type}, {"shareable", shareable}})) return {};
  std::cout << count_text(written)
            << (shareable ? " bytes written: the picture, without what the file said about place, time and device\n"
                : arguments.thumbnail ? " bytes written: the thumbnail\n"
                                      : " bytes written, as they were attached\n");
  say("they lie in clear there now");
  return {};
}

}  // namespace

void add_report_files(App& app, CLI::App& report) {
  auto arguments = std::make_shared<Arguments>();
  auto* attach_command =
      report.add_subcommand("attach",
                            "Take a file into a report: a picture, a recording, a document\n"
                            "\n"
                            "It is sealed as it is read; nothing of it is changed, and its own metadata stay in it. It "
                            "is there, whole, once the\n"
                            "command ends. It is sent once the report is submitted, after its text.\n"
                            "\n"
                            "  lysoen report attach 4f2a photo.jpg\n"
                            "  lysoen report attach 4f2a interview.m4a --name 'first interview.m4a'");
  attach_command->add_option("report", arguments->report, "The first digits of its id")->required();
  attach_command->add_option("file", arguments->file, "The file")->required();
  attach_command->add_option("--to", arguments->path, "The question that it answers; else the form's place for files");
  attach_command->add_option("--name", arguments->name, "What readers see; else the file's name");
  app.does(attach_command, [&app, arguments] { return attach(app, *arguments); });

  auto* extract_command = report.add_subcommand(
      "extract",
      "Write an attached file outside of the vault, as it was or for other people\n"
      "\n"
      "A picture of a camera says where and when it was taken, and with what. A shareable copy has "
      "the same pixels and none\n"
      "of that; it can be made of JPEG and PNG. A form may say that its files are handed on in that "
      "way; without a word of it\n"
      "the file is written as it was attached.\n"
      "\n"
      "  lysoen report extract 4f2a -o photo.jpg\n"
      "  lysoen report extract 4f2a photo.jpg --shareable -o for-the-press.jpg\n"
      "  lysoen report extract 4f2a photo.jpg --thumbnail -o small.jpg");
  extract_command->add_option("report", arguments->report, "The first digits of its id")->required();
  extract_command->add_option("name", arguments->name,
                              "Its name or its path in the report; not needed if it is the only one");
  extract_command->add_option("-o,--output", arguments->file, "Where to; no file of that name is replaced")->required();
  auto* shareable = extract_command->add_flag("--shareable", arguments->shareable,
                                              "The picture without place, time, device, captions and comments");
  extract_command->add_flag("--original", arguments->original, "As it was attached, whatever the form says")
      ->excludes(shareable);
  extract_command
      ->add_flag("--thumbnail", arguments->thumbnail, "The small picture of it, which is here before the original")
      ->excludes(shareable);
  app.does(extract_command, [&app, arguments] { return extract(app, *arguments); });
}

}  // namespace lysoen::cli
