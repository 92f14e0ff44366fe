// A layer over SQLite's own file layer that fails on purpose: the nth write, sync, read … gives an error.
#pragma once

#include <sqlite3.h>

#include <cstring>
#include <new>

namespace fftconv::test {

enum class Operation { none, read, write, truncate, sync, lock, shared_memory, remove };

/// What is to fail. `at` counts the operations of that kind from 1 on.
struct Fault {
  Operation operation = Operation::none;
  int at = 0;
  int code = SQLITE_IOERR;
  bool lasting = true;  ///< all later ones of the kind fail too, as on a full disk
  int seen = 0;
  int failed = 0;

  /// The error that this operation has to give, or SQLITE_OK.
  int hit(Operation done) {
    if (done != operation) return SQLITE_OK;
    ++seen;
    if (at <= 0 || (lasting ? seen < at : seen != at)) return SQLITE_OK;
    ++failed;
    return code;
  }
};

/// As long as it lives, every connection that is opened goes through `fault`. Close them before it ends.
class FaultVfs {
 public:
  explicit FaultVfs(Fault fault = {}) : fault(fault) {
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = "fftconv-fault";
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.pNext = nullptr;
    vfs_.pAppData = this;
    vfs_.xOpen = &open;
    vfs_.xDelete = &remove;
    sqlite3_vfs_register(&vfs_, 1);
  }
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  ~FaultVfs() {
    sqlite3_vfs_register(real_, 1);
    sqlite3_vfs_unregister(&vfs_);
  }

  Fault fault;

 private:
  struct File {
    sqlite3_file base;
    FaultVfs* owner;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* real(sqlite3_file* file) { return of(file)->real(); }
  static int hit(sqlite3_file* file, Operation operation) { return of(file)->owner->fault.hit(operation); }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods table = [] {
      sqlite3_io_methods m{};
      m.iVersion = 2;
      m.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
      m.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
        const int failed = hit(f, Operation::read);
        return failed != SQLITE_OK ? failed : real(f)->pMethods->xRead(real(f), to, n, at);
      };
      m.xWrite = [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
        const int failed = hit(f, Operation::write);
        // A disk that is full took the first half.
        if (failed != SQLITE_OK) (void)real(f)->pMethods->xWrite(real(f), from, n / 2, at);
        return failed != SQLITE_OK ? failed : real(f)->pMethods->xWrite(real(f), from, n, at);
      };
      m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        const int failed = hit(f, Operation::truncate);
        return failed != SQLITE_OK ? failed : real(f)->pMethods->xTruncate(real(f), size);
      };
      m.xSync = [](sqlite3_file* f, int flags) {
        const int failed = hit(f, Operation::sync);
        return failed != SQLITE_OK ? failed : real(f)->pMethods->xSync(real(f), flags);
      };
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); };
      m.xLock = [](sqlite3_file* f, int level) {
        const int failed = hit(f, Operation::lock);
        return failed != SQLITE_OK ? failed : real(f)->pMethods->xLock(real(f), level);
      };
      m.xUnlock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); };
      m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return real(f)->pMethods->xCheckReservedLock(real(f), out);
      };
      m.xFileControl = [](sqlite3_file* f, int op, void* arg) {
        return real(f)->pMethods->xFileControl(real(f), op, arg);
      };
      m.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
      m.xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); };
      m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** to) {
        const int failed = hit(f, Operation::shared_memory);
        return failed != SQLITE_OK ? failed : real(f)->pMethods->xShmMap(real(f), page, size, extend, to);
      };
      m.xShmLock = [](sqlite3_file* f, int offset, int n, int flags) {
        return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
      };
      m.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
      m.xShmUnmap = [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); };
      return m;
    }();
    return &table;
  }

  static int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* out) {
    auto* self = static_cast<FaultVfs*>(vfs->pAppData);
    new (file) File{{nullptr}, self};
    std::memset(real(file), 0, static_cast<std::size_t>(self->real_->szOsFile));
    const int result = self->real_->xOpen(self->real_, name, real(file), flags, out);
    // SQLite calls xClose where methods are set, as of files that are open.
    file->pMethods = real(file)->pMethods != nullptr ? methods() : nullptr;
    return result;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync) {
    auto* self = static_cast<FaultVfs*>(vfs->pAppData);
    const int failed = self->fault.hit(Operation::remove);
    return failed != SQLITE_OK ? failed : self->real_->xDelete(self->real_, name, sync);
  }

  sqlite3_vfs* real_ = nullptr;
  sqlite3_vfs vfs_{};
};

}  // namespace fftconv::test
